// Time zones, against the C library, which reads the same files with other code.
#include "rulebus/time_zone.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/detail/time_zone_file.hpp"
#include "rulebus/detail/time_zone_store.hpp"
#include "support/naive_schedule.hpp"
#include "support/random_source.hpp"
#include "support/schedule_rows.hpp"
#include "support/wall_clock.hpp"

using rulebus::errc;
using rulebus::time_point;
using rulebus::time_zone;
using rulebus::detail::read_zone_file;
using rulebus::detail::time_zone_store;
using rulebus::detail::zone_change;

namespace {

constexpr std::int64_t year_1970 = 0, year_2200 = 7258118400;
constexpr std::int64_t before_all = INT64_MIN;

std::vector<std::string> zone_names() { return time_zone_store(rulebus::detail::time_zone_folders()).names(); }

std::string zone_file(const std::string& name) {
  std::ifstream in("/usr/share/zoneinfo/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string big_endian(std::int64_t value, int bytes) {
  std::string out;
  while (bytes-- != 0) out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * bytes));
  return out;
}

/// A TZif file of version 2 with these changes; the first offset is in force before them.
std::string made_file(const std::vector<zone_change>& changes, std::string_view footer, std::int64_t leap_seconds = 0) {
  const auto header = [&](std::size_t times, std::size_t types, std::int64_t leaps) {
    std::string out = "TZif2" + std::string(15, '\0');
    for (const std::int64_t n : {std::int64_t{0}, std::int64_t{0}, leaps, static_cast<std::int64_t>(times),
                                 static_cast<std::int64_t>(types), std::int64_t{4}})
      out += big_endian(n, 4);
    return out;
  };
  std::string out = header(0, 1, 0) + big_endian(0, 4) + std::string("\0\0", 2) + std::string("UTC\0", 4);
  out += header(changes.size() - 1, changes.size(), leap_seconds);
  for (std::size_t i = 1; i < changes.size(); ++i) out += big_endian(changes[i].instant, 8);
  for (std::size_t i = 1; i < changes.size(); ++i) out += static_cast<char>(i);
  for (const zone_change& c : changes) out += big_endian(c.offset, 4) + std::string("\0\0", 2);
  out += std::string("XXX\0", 4) + std::string(static_cast<std::size_t>(leap_seconds) * 12, '\0');
  return out + '\n' + std::string(footer) + '\n';
}

/// A folder that is gone afterwards.
class scratch_folder {
 public:
  scratch_folder() : path_(std::filesystem::temp_directory_path() / ("rulebus_zones_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_ / "Area");
  }
  ~scratch_folder() { std::filesystem::remove_all(path_); }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  void put(const std::string& name, const std::string& bytes) const { std::ofstream(path_ / name, std::ios::binary) << bytes; }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

time_point at(std::int64_t second) { return time_point(std::chrono::seconds(second)); }

std::int64_t seconds_of(std::string_view date) {
  return std::chrono::floor<std::chrono::seconds>(tests::instant(std::string(date))).time_since_epoch().count();
}

}  // namespace

TEST_CASE("time zones: offsets are those of the C library, at every change of every zone and between") {
  tests::random_source random(1);
  std::size_t zones = 0, instants = 0;
  for (const std::string& name : zone_names()) {
    const time_zone& zone = *time_zone::find(name).value();
    const tests::wall_clock clock(name);
    std::vector<std::int64_t> tried;
    for (const auto& p : zone.periods())
      if (p.begin > year_1970 && p.begin < year_2200) tried.insert(tried.end(), {p.begin - 1, p.begin, p.begin + 1});
    for (int i = 0; i < 200; ++i) tried.push_back(static_cast<std::int64_t>(random.below(year_2200)));
    for (const std::int64_t t : tried) {
      if (zone.offset_at(at(t)).count() == clock.offset(t)) continue;
      FAIL(name << " at " << tests::text_of(at(t)) << ": " << zone.offset_at(at(t)).count() << " instead of " << clock.offset(t));
    }
    ++zones, instants += tried.size();
  }
  MESSAGE(zones << " zones, " << instants << " instants");
  CHECK(zones > 300);
}

TEST_CASE("time zones: what the twin takes for granted about clocks that are put back") {
  for (const std::string& name : zone_names()) {
    const auto& periods = time_zone::find(name).value()->periods();
    for (std::size_t i = 1; i < periods.size(); ++i) {
      if (periods[i].begin < year_1970 - 2 * naive::furthest_back) continue;
      INFO(name << " at " << periods[i].begin);
      CHECK(periods[i].offset >= periods[i - 1].offset - naive::furthest_back);
      // No period is so short that the next one shows all of it again, and more.
      CHECK(periods[i].fresh_begin < periods[i].fresh_end);
    }
  }
}

TEST_CASE("time zones: first_instant finds what to_local shows, skips what is skipped, and takes the first of two") {
  const time_zone& kyiv = *time_zone::find("Europe/Kyiv").value();
  using namespace std::chrono;
  const auto local = [](int y, unsigned m, unsigned d, int h, int min) {
    return local_seconds(local_days(year(y) / month(m) / day(d)) + hours(h) + minutes(min));
  };
  const auto instant = [&](local_seconds l) {
    const auto t = kyiv.first_instant(l);
    return t ? tests::text_of(*t) : "never";
  };
  CHECK(instant(local(2027, 3, 28, 2, 59)) == "2027-03-28T00:59:00Z");
  CHECK(instant(local(2027, 3, 28, 3, 0)) == "never");
  CHECK(instant(local(2027, 3, 28, 3, 59)) == "never");
  CHECK(instant(local(2027, 3, 28, 4, 0)) == "2027-03-28T01:00:00Z");
  CHECK(instant(local(2027, 10, 31, 3, 30)) == "2027-10-31T00:30:00Z");
  CHECK(instant(local(2027, 10, 31, 4, 0)) == "2027-10-31T02:00:00Z");
  CHECK(kyiv.to_local(tests::instant("2027-07-01T09:00:00Z")) == local(2027, 7, 1, 12, 0));
  CHECK(instant(local(2199, 7, 1, 12, 0)) == "2199-07-01T09:00:00Z");
  CHECK(instant(local(2200, 7, 1, 12, 0)) == "2200-07-01T09:00:00Z");
  CHECK(instant(local(9999, 12, 31, 12, 0)) == "9999-12-31T10:00:00Z");
  CHECK(instant(local(9999, 7, 1, 12, 0)) == "9999-07-01T09:00:00Z");
  CHECK(instant(local(1, 1, 1, 12, 0)).substr(0, 4) == "0001");
}

TEST_CASE("time zones: UTC is there without a database; names are exact") {
  CHECK(&time_zone::utc() == time_zone::find("UTC").value());
  CHECK(time_zone::utc().name() == "UTC");
  CHECK(time_zone::utc().offset_at(time_point::max()).count() == 0);
  CHECK(time_zone::utc().offset_at(time_point::min()).count() == 0);
  CHECK(time_zone::find("Europe/Kyiv").value() == time_zone::find("Europe/Kyiv").value());
  CHECK(time_zone::find("US/Eastern").value() != time_zone::find("America/New_York").value());
  for (const char* name :
       {"", "/etc/passwd", "../zoneinfo/UTC", "Europe/../UTC", "posix/Europe/Kyiv", "right/UTC", "localtime", "posixrules",
        "tzdata.zi", "New York", "+3", "a-name-that-has-fifty-one-letters-and-is-too-long-by-1"}) {
    const auto found = time_zone::find(name);
    REQUIRE_MESSAGE(!found.has_value(), name);
    CHECK(found.error().code == errc::invalid_argument);
  }
  for (const char* name : {"Europe", "Europe/", "Nowhere/Nothing", "europe/kyiv", "zone", "leapseconds"}) {
    const auto found = time_zone::find(name);
    REQUIRE_MESSAGE(!found.has_value(), name);
    CHECK(found.error().message.size() > 20);
  }
  CHECK(time_zone::find("europe/kyiv").error().message.find("did you mean Europe/Kyiv?") != std::string::npos);
  CHECK(time_zone::find("Kyiv").error().message.find("did you mean Europe/Kyiv?") != std::string::npos);
  CHECK(time_zone::find("Europe/Kyev").error().message.find("Europe/Kyiv?") != std::string::npos);
}

TEST_CASE("time zones: the version of the database is told; a database that is not there is an error that says so") {
  const std::string version = rulebus::time_zone_database_version().value();
  CHECK(version.size() >= 5);
  time_zone_store nowhere({"/nonexistent/a", "/nonexistent/b"});
  CHECK(nowhere.names().empty());
  CHECK(nowhere.version().error().code == errc::not_found);
  const auto found = nowhere.find("Europe/Kyiv");
  REQUIRE(!found.has_value());
  CHECK(found.error().code == errc::not_found);
  CHECK(found.error().message.find("/nonexistent/a, /nonexistent/b") != std::string::npos);
  CHECK(found.error().message.find("install the package tzdata") != std::string::npos);
  const scratch_folder folder;
  CHECK(time_zone_store({folder.path()}).version().value() == "unknown");
  folder.put("+VERSION", "2031z\n");
  CHECK(time_zone_store({"/nonexistent", folder.path()}).version().value() == "2031z");
  folder.put("Area/Bad", "TZif2 but not really");
  const auto bad = time_zone_store({folder.path()}).find("Area/Bad");
  REQUIRE(!bad.has_value());
  CHECK(bad.error().message.find("Area/Bad is not a time zone file") != std::string::npos);
}

TEST_CASE("time zones: a clock that is put back twice in a row shows nothing new until it is past all that it showed") {
  const scratch_folder folder;
  // At 10:00 back to 09:00, 20 minutes later, at 09:20, back to 08:20; from then on two hours behind.
  const std::int64_t ten = seconds_of("2027-05-05T10:00:00Z"), minute = 60;
  folder.put("Area/Twice", made_file({{before_all, 0}, {ten, -3600}, {ten + 20 * minute, -7200}}, "XXX2"));
  time_zone_store store({folder.path()});
  const time_zone& zone = *store.find("Area/Twice").value();
  REQUIRE(zone.periods().size() == 3);
  CHECK(zone.periods()[2].fresh_begin == ten);
  const auto shown = [&](std::int64_t local) {
    const auto t = zone.first_instant(std::chrono::local_seconds(std::chrono::seconds(local)));
    return t ? t->time_since_epoch().count() : 0;
  };
  for (const std::int64_t local : {ten - 100 * minute, ten - 50 * minute, ten - minute}) CHECK(shown(local) == local);
  CHECK(shown(ten) == ten + 120 * minute);
  CHECK(zone.offset_at(at(ten - 1)).count() == 0);
  CHECK(zone.offset_at(at(ten)).count() == -3600);
  CHECK(zone.offset_at(at(ten + 20 * minute)).count() == -7200);
}

TEST_CASE("zone files: behind the last change the footer is in force") {
  const auto changes = [](std::string_view footer) {
    return read_zone_file(made_file({{before_all, 0}, {seconds_of("2007-01-01T00:00:00Z"), -5 * 3600}}, footer)).value();
  };
  const auto offset = [](const std::vector<zone_change>& all, std::string_view date) {
    const std::int64_t t = seconds_of(date);
    const auto after = std::find_if(all.begin(), all.end(), [&](const zone_change& c) { return c.instant > t; });
    return static_cast<double>((after - 1)->offset) / 3600;
  };
  const auto new_york = changes("EST5EDT,M3.2.0,M11.1.0");
  CHECK(offset(new_york, "2006-12-31T23:59:59Z") == 0);
  CHECK(offset(new_york, "2007-03-11T06:59:59Z") == -5);
  CHECK(offset(new_york, "2007-03-11T07:00:00Z") == -4);
  CHECK(offset(new_york, "2199-11-03T05:59:59Z") == -4);
  CHECK(offset(new_york, "2199-11-03T06:00:00Z") == -5);
  const auto sydney = changes("AEST-10AEDT,M10.1.0,M4.1.0/3");
  CHECK(offset(sydney, "2050-01-01T00:00:00Z") == 11);
  CHECK(offset(sydney, "2050-06-01T00:00:00Z") == 10);
  const auto dublin = changes("IST-1GMT0,M10.5.0,M3.5.0/1");
  CHECK(offset(dublin, "2050-01-01T00:00:00Z") == 0);
  CHECK(offset(dublin, "2050-06-01T00:00:00Z") == 1);
  const auto nuuk = changes("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
  CHECK(offset(nuuk, "2027-03-28T00:59:59Z") == -2);
  CHECK(offset(nuuk, "2027-03-28T01:00:00Z") == -1);
  const auto gaza = changes("EET-2EEST,M3.4.4/50,M10.4.4/50");
  CHECK(offset(gaza, "2090-03-24T23:59:59Z") == 2);
  CHECK(offset(gaza, "2090-03-25T00:00:00Z") == 3);
  const auto julian = changes("AAA3BBB,J60/0,J300/0");  // the 60th day is 1 March, in leap years too
  CHECK(offset(julian, "2028-03-01T02:59:59Z") == -3);
  CHECK(offset(julian, "2028-03-01T03:00:00Z") == -2);
  const auto counted = changes("AAA3BBB,59/0,299/0");  // day 59 is 29 February where there is one
  CHECK(offset(counted, "2028-02-29T03:00:00Z") == -2);
  CHECK(offset(counted, "2027-02-28T23:00:00Z") == -3);
  CHECK(offset(counted, "2027-03-01T03:00:00Z") == -2);
  const auto always = changes("XXX3EDT4,0/0,J365/23");  // summer time all the year: RFC 9636, 3.3.1
  for (const char* date : {"2027-01-01T00:00:00Z", "2027-12-31T23:59:59Z", "2028-06-01T00:00:00Z"})
    CHECK(offset(always, date) == -4);
  CHECK(offset(changes("<+0545>-5:45"), "2100-01-01T00:00:00Z") == 5.75);
  CHECK(changes("").back() == zone_change{seconds_of("2007-01-01T00:00:00Z"), -5 * 3600});
}

TEST_CASE("zone files: what is not one is refused, whatever its bytes") {
  const std::string good = made_file({{before_all, 0}, {1000, 3600}, {2000, 7200}}, "XXX-2");
  REQUIRE(read_zone_file(good).has_value());
  CHECK(read_zone_file(good).value() == std::vector<zone_change>{{before_all, 0}, {1000, 3600}, {2000, 7200}});
  for (std::size_t n = 0; n < good.size(); ++n) CHECK(!read_zone_file(good.substr(0, n)));
  CHECK(!read_zone_file(made_file({{before_all, 0}, {2000, 3600}, {1000, 7200}}, "XXX-2")));
  CHECK(!read_zone_file(made_file({{before_all, 0}, {1000, 200'000}}, "XXX-2")));
  CHECK(read_zone_file(made_file({{before_all, 0}}, "XXX-2", 1)).error().message.find("leap seconds") != std::string::npos);
  for (const char* footer :
       {"X", "XXX", "XXX-", "XXX-25", "XXX-2YYY", "XXX-2YYY,M3.5.0", "XXX-2YYY,M3.5.0,", "XXX-2YYY,M13.5.0,M10.5.0",
        "XXX-2YYY,M3.6.0,M10.5.0", "XXX-2YYY,M3.5.7,M10.5.0", "XXX-2YYY,M3.5.0/168,M10.5.0", "XXX-2YYY,J0,J365", "XXX-2YYY,0,366",
        "XXX-2YYY,M3.5.0,M10.5.0 ", "<XXX-2", "XXX-2:60", "XXX-2:", "XXX-2YYY,M3.5,M10.5.0"}) {
    CHECK_MESSAGE(!read_zone_file(made_file({{before_all, 0}, {1000, 3600}}, footer)), footer);
  }
  const std::uint64_t seed = tests::seed();
  tests::random_source random(seed);
  const std::vector<std::string> originals = {good, zone_file("Europe/Kyiv"), zone_file("America/New_York"), zone_file("UTC")};
  for (std::size_t i = 0; i < 20'000 / tests::build_slowness; ++i) {
    std::string bytes = random.pick(originals);
    for (std::size_t n = random.between(1, 4); n != 0 && !bytes.empty(); --n)
      bytes[random.below(std::min<std::size_t>(bytes.size(), random.percent(50) ? 120 : bytes.size()))] =
          static_cast<char>(random.next());
    if (const auto changes = read_zone_file(bytes)) {
      INFO("RULEBUS_SEED=" << seed);
      for (std::size_t k = 1; k < changes->size(); ++k) REQUIRE((*changes)[k - 1].instant < (*changes)[k].instant);
    }
  }
}

TEST_CASE("zone files: the system's without 64-bit times, as of version 1, are read too") {
  const std::string bytes = zone_file("Europe/Kyiv");
  if (bytes.empty() || bytes[4] < '2') return;
  std::string old = bytes;
  old[4] = '\0';
  const auto changes = read_zone_file(old);
  CHECK(changes.has_value());
}
