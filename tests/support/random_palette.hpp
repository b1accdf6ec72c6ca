// random_palette: the few keys and values that one generator of random patterns and events uses. Few, so that they meet.
#pragma once

#include <string>
#include <vector>

#include "random_source.hpp"

namespace tests {

struct palette {
  using texts = std::vector<std::string>;

  explicit palette(random_source& random) {
    const texts all_odd_keys = {"a.b",    "b.c", "a.b.c", "", ".", "a.", ".a", "a..b", "\xef\xbd\xa1", "\xf0\x9f\x98\x80",
                                "exists", "A",   "a\"b"};
    const texts syllables = {"a",
                             "b",
                             "ab",
                             "A",
                             "B",
                             "\xc3\x9f",
                             "SS",
                             "ss",
                             "\xcf\x83",
                             "\xce\xa3",
                             "\xc4\xb0",
                             "i\xcc\x87",
                             "\xf0\x9f\x98\x80",
                             "\xc3\xa9",
                             "*",
                             "\\",
                             "\"",
                             ".",
                             "\n",
                             "1",
                             "aaaaaaaaaaaaaaaa",
                             "k",
                             "\xe2\x84\xaa"};
    const texts all_numbers = {"0",
                               "-0",
                               "0.0",
                               "1",
                               "1.0",
                               "1e0",
                               "10e-1",
                               "-1",
                               "1.5",
                               "2",
                               "3",
                               "10",
                               "1E1",
                               "300",
                               "3e2",
                               "0.1",
                               "-2.5",
                               "9007199254740992",
                               "1e22",
                               "-1e-7",
                               "100000000000000000000",
                               "1.7976931348623157e308",
                               "-3",
                               "4",
                               "5",
                               "2.5",
                               "0.25e1",
                               "-0.5"};
    const texts incomparable = {"123456789012345678", "9007199254740993", "1e400", "5e-324", "0.10000000000000000001"};
    const texts all_addresses = {"10.0.0.1", "010.0.0.1", "10.0.0.2",     "10.1.0.1",      "192.168.1.255",
                                 "::1",      "0:0::1",    "::ffff:a00:1", "2001:db8::1",   "2001:DB8:0:0::1",
                                 "::",       "1.2.3.4",   "0.0.0.0",      "2001:db8::ffff"};
    const texts no_address = {"10.0.0.256", "10.0.0", "fe80::1%a", "1::2::3", "::ffff:10.0.0.1", ":", "1.2.3.4 ", "10.0.0.1."};
    keys = {"a", "b", "c"};
    keys.resize(random.between(1, 3));
    for (int i = 0; i < 3; ++i) odd_keys.push_back(random.pick(all_odd_keys));
    for (int i = 0; i < 4; ++i) {
      std::string s;
      for (std::size_t n = random.below(4); n > 0; --n)
        s += random.percent(60) ? syllables[random.below(5)] : random.pick(syllables);
      strings.push_back(s);
    }
    strings.insert(strings.end(), {"a", random.pick(texts{"1", "true", "null", "ab"})});
    for (int i = 0; i < 4; ++i) numbers.push_back(random.pick(all_numbers));
    for (int i = 0; i < 4; ++i) addresses.push_back(random.pick(all_addresses));
    odd_values = {random.pick(incomparable), '"' + random.pick(no_address) + '"'};
  }

  texts keys{}, odd_keys{};      // odd: dotted, empty, beyond ASCII …
  texts strings{}, addresses{};  // not yet in quotes
  texts numbers{};               // comparable ones
  texts odd_values{};            // JSON: a number that is not comparable, a string that is almost an address
};

}  // namespace tests
