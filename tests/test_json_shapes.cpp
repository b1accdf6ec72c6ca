#include "rulebus/detail/json_shapes.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/detail/json_cursor.hpp"
#include "rulebus/detail/json_index.hpp"
#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/shape_cursor.hpp"
#include "support/json_text.hpp"

using namespace rulebus;

namespace {

const bool can_learn = detail::can_find_tokens_avx512() || detail::can_find_tokens_avx2();

/// What a reader does with an event: it learns shapes on the way.
class learner {
 public:
  explicit learner(bool portable = false) : index_(portable) {}

  bool accepts(std::string_view text) {
    const tests::exact_text exact(text);
    detail::json_structure structure;
    if (!index_.build(exact.view(), {}, structure)) return false;
    if (structure.shape != nullptr) {
      ++known_;
      detail::shape_cursor cursor(structure);
      return cursor.skip_value() && cursor.at_end();
    }
    detail::json_cursor cursor(structure, open_);
    if (!cursor.skip_value() || !cursor.at_end()) return false;
    index_.remember();
    return true;
  }
  int known() const { return known_; }

 private:
  detail::json_index index_;
  detail::container_stack open_{100};
  int known_ = 0;
};

bool is_valid(std::string_view text) { return detail::check_json_object(text, 100).has_value(); }

/// Every value of an event in order, as a cursor reads it.
template <class Cursor>
void read(Cursor& cursor, std::string& out) {
  std::string_view text;
  switch (cursor.peek()) {
    case '{':
      REQUIRE(cursor.enter(true));
      for (bool more = cursor.peek() != '}'; more;) {
        REQUIRE(cursor.key(text));
        out.append(text) += cursor.is_escaped(text) ? "\\:" : ":";
        read(cursor, out);
        const auto next = cursor.behind_value('}');
        REQUIRE(next != detail::after_value::invalid);
        more = next == detail::after_value::another;
      }
      return cursor.leave();
    case '[':
      REQUIRE(cursor.enter(false));
      for (bool more = cursor.peek() != ']'; more;) {
        out += out.size() % 3 == 0 ? "?" : "!";
        out.back() == '?' ? (void)cursor.skip_value() : read(cursor, out);
        const auto next = cursor.behind_value(']');
        REQUIRE(next != detail::after_value::invalid);
        more = next == detail::after_value::another;
      }
      return cursor.leave();
    case '"': REQUIRE(cursor.raw_string(text)); break;
    case 't': REQUIRE(cursor.literal(text = "true")); break;
    case 'f': REQUIRE(cursor.literal(text = "false")); break;
    case 'n': REQUIRE(cursor.literal(text = "null")); break;
    default: REQUIRE(cursor.number(text));
  }
  out.append(text) += ';';
}

}  // namespace

TEST_CASE("json_shapes: known or not, an event is valid exactly when the token reader says so, with one byte changed") {
  std::mt19937_64 random(41);
  const std::string_view bytes = "{}[],:\"\\ 0159-+.eEtrufalsn\n\x01\x7f\xa2\xc3\xff";
  learner ours, portable(true);
  int invalid = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string valid = tests::random_object(random, 3);
    for (int again = 0; again < 3; ++again) REQUIRE(ours.accepts(valid));
    for (int k = 0; k < 4; ++k) {
      std::string text = valid;
      text[random() % text.size()] = bytes[random() % bytes.size()];
      CAPTURE(text);
      REQUIRE(ours.accepts(text) == is_valid(text));
      REQUIRE(portable.accepts(text) == is_valid(text));
      invalid += is_valid(text) ? 0 : 1;
    }
  }
  CHECK(invalid > 10000);
  CHECK(portable.known() == 0);
  if (can_learn) CHECK(ours.known() > 30000);
}

TEST_CASE("json_shapes: scalars and escapes of an event with a known shape are checked") {
  const std::string_view scalars[] = {"1",
                                      "-1.5",
                                      "0",
                                      "1e5",
                                      "-0.0E-2",
                                      "01",
                                      "-",
                                      "1.",
                                      "1.2.3",
                                      "1e",
                                      "0x1",
                                      "--1",
                                      "1-1",
                                      "true",
                                      "false",
                                      "null",
                                      "tru",
                                      "truee",
                                      "nul l",
                                      "Null",
                                      "+1",
                                      ".5",
                                      "\"\"",
                                      "\"\\n\"",
                                      "\"\\x\"",
                                      "\"\\ud83d\"",
                                      "\"\\ud83d\\ude00\"",
                                      "\"\xc3\xa2\"",
                                      "\"\xc3\""};
  for (const std::string_view known : scalars) {
    const auto event = [](std::string_view scalar) {
      return "{\"a\":[" + std::string(scalar) + " ],\"b\":" + std::string(scalar) + "}";
    };
    learner l;
    for (int i = 0; i < 3; ++i) CHECK(l.accepts(event(known)) == is_valid(event(known)));
    for (const std::string_view scalar : scalars) {
      CAPTURE(event(scalar));
      CHECK(l.accepts(event(scalar)) == is_valid(event(scalar)));
    }
  }
}

TEST_CASE("json_shapes: a text without tokens has no shape") {
  learner l;
  for (const std::string_view text : {"\r", " ", "", "{}", "{", " {} ", "\n"}) CHECK(l.accepts(text) == is_valid(text));
}

TEST_CASE("json_shapes: a cursor over a known shape reads what one over an unknown shape reads") {
  std::mt19937_64 random(42);
  detail::json_index index, fresh;
  detail::container_stack open(100);
  int known = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string text = tests::random_object(random, 3);
    CAPTURE(text);
    detail::json_structure structure, unknown;
    REQUIRE(fresh.build(text, {}, unknown));
    std::string expected, got;
    detail::json_cursor slow(unknown, open);
    read(slow, expected);
    REQUIRE(slow.at_end());
    for (int again = 0; again < 3; ++again) {
      REQUIRE(index.build(text, {}, structure));
      if (structure.shape != nullptr) break;
      index.remember();
    }
    if (structure.shape == nullptr) continue;
    ++known;
    detail::shape_cursor fast(structure);
    read(fast, got);
    REQUIRE(fast.at_end());
    REQUIRE(got == expected);
  }
  if (can_learn) CHECK(known > 15000);
}

TEST_CASE("json_shapes: more shapes than there is room for, and shapes that are too large") {
  if (!can_learn) return;
  learner l;
  const auto event = [](std::size_t objects, std::size_t arrays) {
    std::string text = "{\"a\":[0";
    for (std::size_t i = 0; i < objects; ++i) text += ",{}";
    for (std::size_t i = 0; i < arrays; ++i) text += ",[]";
    return text + "]}";
  };
  // Of each size all the ways to share it among objects and arrays: many shapes with the same number of tokens.
  int shapes = 0;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t size = 0; size < 40; ++size) {
      for (std::size_t objects = 0; objects <= size; ++objects, ++shapes) {
        for (int again = 0; again < 3; ++again) REQUIRE(l.accepts(event(objects, size - objects)));
      }
    }
  }
  CHECK(l.known() >= shapes);
  CHECK_FALSE(l.accepts("{\"a\":[0,{]]}"));
  const int before = l.known();
  for (int i = 0; i < 3; ++i) CHECK(l.accepts(event(200, 0)));
  CHECK(l.known() == before);
}
