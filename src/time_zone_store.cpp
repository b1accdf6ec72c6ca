#include "rulebus/detail/time_zone_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "rulebus/detail/time_zone_file.hpp"

namespace rulebus::inline v1::detail {
namespace time_zone_store_source {

namespace fs = std::filesystem;

constexpr std::size_t max_name = 50;                    // of the service
constexpr std::size_t max_file = std::size_t{1} << 20;  // the largest of the real ones have 4 KB
constexpr std::int64_t far = std::int64_t{1} << 60;

std::optional<std::string> read(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return {};
  std::ifstream in(path, std::ios::binary);
  std::string bytes(max_file, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.bad() || (in.fail() && !in.eof())) return {};
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

/// Letters, digits and _-+/, beginning with a letter: no dots, so that no name leads out of the folder.
bool is_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  const auto allowed = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' || c == '/';
  };
  return !name.empty() && name.size() <= max_name && letter(name.front()) && std::all_of(name.begin(), name.end(), allowed);
}

/// Files of the database that are no zones of IANA's: copies with and without leap seconds, and defaults of one machine.
bool is_internal(std::string_view name) {
  return name.starts_with("posix/") || name.starts_with("right/") || name == "posixrules" || name == "localtime";
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == ' ' ? '_' : c;
  return out;
}

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('/') + 1); }

/// Edits (insert, remove, replace a character) from a to b.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

/// How far a name is from what was asked for; nothing when they are not near.
std::optional<std::size_t> distance_to(const std::string& asked, const std::string& name) {
  const std::string wanted = lower(asked), have = lower(name);
  if (wanted == have) return 0;
  if (last_part(wanted) == last_part(have)) return 1;
  const std::size_t apart = std::min(distance(wanted, have), distance(last_part(wanted), last_part(have)));
  if (apart > last_part(wanted).size() / 4) return {};
  return 1 + apart;
}

std::vector<zone_period> periods_of(const std::vector<zone_change>& changes) {
  std::vector<zone_period> out;
  std::int64_t shown = -far;  // what the wall clock has shown or passed
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto [begin, offset] = changes[i];
    const std::int64_t local_begin = i == 0 ? -far : begin + offset;
    const std::int64_t local_end = i + 1 == changes.size() ? far : changes[i + 1].instant + offset;
    const std::int64_t fresh = std::max(local_begin, shown);
    shown = std::max(shown, local_end);
    out.push_back({begin, fresh, shown, offset});
  }
  return out;
}

}  // namespace time_zone_store_source

namespace store_source = time_zone_store_source;

time_zone_store::time_zone_store(std::vector<std::string> folders) : folders_(std::move(folders)) {
  std::error_code ignored;
  for (const std::string& folder : folders_) {
    if (folder_.empty() && store_source::fs::is_directory(folder, ignored)) folder_ = folder;
  }
}

result<const time_zone*> time_zone_store::find(std::string_view name) {
  if (!store_source::is_name(name) || store_source::is_internal(name)) {
    return error{.code = errc::invalid_argument,
                 .message = fmt::format("A time zone has a name of the IANA database, such as Europe/Kyiv or UTC, of 1 to {} "
                                        "letters, digits and _-+/; not \"{}\"",
                                        store_source::max_name, name.substr(0, 2 * store_source::max_name))};
  }
  const std::lock_guard lock(mutex_);
  if (const auto found = zones_.find(name); found != zones_.end()) return found->second.get();
  if (folder_.empty()) return no_database();
  const auto bytes = store_source::read(store_source::fs::path(folder_) / name);
  if (!bytes) return unknown(name);
  auto changes = read_zone_file(*bytes);
  if (!changes) {
    error e = changes.error();
    e.message = fmt::format("{}/{} is {}; install the package tzdata anew", folder_, name, e.message);
    return e;
  }
  auto zone = std::make_unique<const time_zone>(std::string(name), store_source::periods_of(*changes));
  return zones_.emplace(std::string(name), std::move(zone)).first->second.get();
}

error time_zone_store::no_database() const {
  return {.code = errc::not_found,
          .message = fmt::format("There is no time zone database in {}; install the package tzdata, or set TZDIR to the folder "
                                 "that has it (only UTC needs none)",
                                 fmt::join(folders_, ", "))};
}

error time_zone_store::unknown(std::string_view name) const {
  const std::string asked(name);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (std::string& candidate : names()) {
    if (const auto distance = store_source::distance_to(asked, candidate)) near.emplace_back(*distance, std::move(candidate));
  }
  std::sort(near.begin(), near.end());
  std::string hint = "see 'timedatectl list-timezones' for all";
  if (!near.empty()) {
    hint = "did you mean " + near.front().second;
    for (std::size_t i = 1; i < std::min<std::size_t>(near.size(), 3) && near[i].first == near.front().first; ++i) {
      hint += " or " + near[i].second;
    }
    hint += '?';
  }
  return {.code = errc::not_found, .message = fmt::format("There is no time zone {} in {}; {}", name, folder_, hint)};
}

result<std::string> time_zone_store::version() const {
  if (folder_.empty()) return no_database();
  // zic's own text form begins with "# version 2025b"; other systems keep the version alone in a file.
  std::ifstream text(store_source::fs::path(folder_) / "tzdata.zi");
  if (std::string line; std::getline(text, line) && line.starts_with("# version ")) return line.substr(10);
  std::ifstream alone(store_source::fs::path(folder_) / "+VERSION");
  if (std::string line; std::getline(alone, line) && !line.empty()) return line;
  return std::string("unknown");
}

std::vector<std::string> time_zone_store::names() const {
  std::vector<std::string> out;
  if (folder_.empty()) return out;
  std::error_code failed;
  store_source::fs::recursive_directory_iterator it(folder_, store_source::fs::directory_options::skip_permission_denied, failed),
      end;
  for (; !failed && it != end; it.increment(failed)) {
    std::error_code ignored;
    const std::string name = store_source::fs::path(it->path()).lexically_relative(folder_).generic_string();
    if (!it->is_regular_file(ignored) || !store_source::is_name(name) || store_source::is_internal(name)) continue;
    std::ifstream in(it->path(), std::ios::binary);
    char magic[4] = {};
    if (in.read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == "TZif") out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> time_zone_folders() {
  const char* given = std::getenv("TZDIR");
  if (given != nullptr && *given != '\0') return {given};
  return {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"};
}

}  // namespace rulebus::inline v1::detail
