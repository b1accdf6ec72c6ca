// A year of 10,000 schedules in virtual time, fire for fire against a slow twin (support/scheduler_year.hpp).
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "random_source.hpp"
#include "scheduler_year.hpp"

using namespace tests::year;

TEST_CASE("scheduler: a year of 10,000 mixed schedules is the list that the slow twin computes, twice the same bytes") {
  const std::uint64_t seed = tests::seed();
  CAPTURE(seed);
  const std::vector<planned> all = plan(seed, 10'000 / (tests::build_slowness > 1 ? 20 : 1));
  const fires expected = slow(all);
  const outcome once = fast(all, 42), again = fast(all, 42), other = fast(all, 43);
  MESSAGE(expected.size() << " fires in " << once.seconds << " s");
  REQUIRE(once.fired.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (once.fired[i] == expected[i]) continue;
    CAPTURE(all[expected[i].second].expression);
    CAPTURE(all[expected[i].second].zone);
    INFO("due: schedule ", expected[i].second, " at ", expected[i].first, "; fired: schedule ", once.fired[i].second, " at ",
         once.fired[i].first);
    REQUIRE(once.fired[i] == expected[i]);
  }
  CHECK(once.reports == 0);
  CHECK((once.text == again.text));
  CHECK_FALSE((once.text == other.text));  // execution ids follow from the seed
  CHECK((once.fired == other.fired));
}
