// random_schedules: texts of cron expressions, valid or nearly, that say something about few days or many, about all hours or
// one, and sometimes about no day at all.
#pragma once

#include <string>
#include <vector>

#include "random_source.hpp"

namespace tests {

class random_schedules {
 public:
  explicit random_schedules(random_source& random) : random_(random) {}

  /// Six fields; valid.
  std::string cron() {
    std::string day = "?", weekday = "?";
    if (random_.percent(50)) {
      day = random_day();
    } else {
      weekday = random_weekday();
    }
    return "cron(" + random_list(0, 59, 40) + blank() + random_list(0, 23, 50) + blank() + day + blank() + random_month() +
           blank() + weekday + blank() + random_year() + ")";
  }

  /// A valid one with some characters changed, taken away or added: most are invalid.
  std::string damaged(std::string text) {
    static const std::string bits = "0123456789*?,-/#LW ()ABCDEFGHIJKLMNOPRSTUVWYcronateminutesdayhT:";
    for (std::size_t n = random_.between(1, 3); n != 0; --n) {
      const std::size_t at = random_.below(text.size() + 1);
      const char c = bits[random_.below(bits.size())];
      switch (random_.below(3)) {
        case 0: text.insert(at, 1, c); break;
        case 1: text.erase(at, 1); break;
        default:
          if (at < text.size()) text[at] = c;
      }
    }
    return text;
  }

 private:
  std::string number(std::size_t low, std::size_t high) { return std::to_string(random_.between(low, high)); }
  std::string blank() { return random_.percent(97) ? " " : "  "; }

  std::string random_item(std::size_t low, std::size_t high, bool may_wrap) {
    const auto step = [&] { return std::to_string(random_.between(1, (high - low) / 2)); };
    switch (random_.below(5)) {
      case 0: return "*/" + step();
      case 1: return number(low, high) + "/" + step();
      case 2:
      case 3: {
        const std::size_t a = random_.between(low, high), b = random_.between(may_wrap ? low : a, high);
        return std::to_string(a) + "-" + std::to_string(b) + (random_.percent(30) ? "/" + step() : "");
      }
      default: return number(low, high);
    }
  }
  std::string random_list(std::size_t low, std::size_t high, std::size_t star_percent) {
    if (random_.percent(star_percent)) return "*";
    std::string out = random_item(low, high, true);
    while (random_.percent(25)) out += "," + random_item(low, high, true);
    return out;
  }

  std::string random_day() {
    switch (random_.below(8)) {
      case 0: return "L";
      case 1: return "LW";
      case 2: return number(1, 31) + "W";
      case 3: return number(28, 31);
      default: return random_list(1, 31, 40);
    }
  }
  std::string random_weekday() {
    static const std::vector<std::string> names = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
    const auto one = [&] { return random_.percent(50) ? random_.pick(names) : number(1, 7); };
    switch (random_.below(8)) {
      case 0: return "L";
      case 1: return one() + "L";
      case 2: return one() + "#" + number(1, 5);
      case 3: return one() + "-" + one();
      case 4: return one() + "," + one();
      default: return random_list(1, 7, 40);
    }
  }
  std::string random_month() {
    if (random_.percent(60)) return "*";
    if (random_.percent(30)) return "2";
    if (random_.percent(30)) return random_.pick(std::vector<std::string>{"MAR", "OCT", "MAR,NOV", "OCT-APR", "SEP/3"});
    return random_list(1, 12, 20);
  }
  std::string random_year() {
    if (random_.percent(70)) return "*";
    std::string out = random_item(1970, 2199, false);
    while (random_.percent(20)) out += "," + random_item(1970, 2199, false);
    return out;
  }

  random_source& random_;
};

}  // namespace tests
