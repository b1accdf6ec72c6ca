// What a reader takes as an event: all of JSON, and nothing else.
#include "rulebus/matcher.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "support/random_source.hpp"

using rulebus::errc;
using rulebus::event_options;
using rulebus::matcher;

namespace {

/// A matcher with one rule, {"a": ["x"], "z": [true]}; `says` gives "match", "no match" or the name of the error.
struct one_rule {
  explicit one_rule(const event_options& options = {}) : reader(rules, options) {
    rules.add(R"({"a":["x"],"z":[true]})").value();
  }
  std::string says(std::string_view event) {
    const auto r = reader.match(event);
    return !r ? name(r.error().code) : r->empty() ? "no match" : "match";
  }
  matcher rules;
  matcher::reader reader;
};

std::string nested(std::size_t depth, char kind) {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i) out += kind == '{' ? "{\"k\":" : "[";
  out += "1";
  return out.append(depth, kind == '{' ? '}' : ']');
}

/// An event that the rule matches, with a member that no rule looks at.
std::string with_unused(const std::string& value) { return R"({"a":"x","unused":)" + value + R"(,"z":true})"; }

}  // namespace

TEST_CASE("events: an object, with any space around it") {
  one_rule m;
  CHECK(m.says(R"({"a":"x","z":true})") == "match");
  CHECK(m.says("\r\n\t {\n \"a\" :\t\"x\"\r, \"z\"\n:true } \n") == "match");
  CHECK(m.says("{}") == "no match");
  CHECK(m.says(R"({"a":"x"})") == "no match");
}

TEST_CASE("events: any other JSON is an invalid event") {
  one_rule m;
  for (const char* text : {"[]", "[1]", R"([{"a":"x","z":true}])", "\"x\"", "1", "true", "null", " [ ] "}) {
    INFO(text);
    CHECK(m.says(text) == "invalid_event");
  }
}

TEST_CASE("events: text that is not JSON is an error, also where no rule looks") {
  one_rule m;
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "{]",
                           "x",
                           "{}}",
                           "{} {}",
                           "{},",
                           "[",
                           "[{]}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{,}",
                           "{a:1}",
                           "{'a':1}",
                           "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}",
                           "{\"a\":1:2}",
                           "{1:2}",
                           "{null:1}",
                           "\xef\xbb\xbf{}",
                           "{}\xef\xbb\xbf"}) {
    INFO(text);
    CHECK(m.says(text) == "invalid_json");
  }
  CHECK(m.says(std::string_view("{}\0", 3)) == "invalid_json");
  for (const char* value : {"01",
                            "-",
                            "+1",
                            "1.",
                            ".5",
                            "1e",
                            "1e+",
                            "0x1",
                            "1_0",
                            "--1",
                            "1a",
                            "NaN",
                            "Infinity",
                            "-Infinity",
                            "tru",
                            "truE",
                            "True",
                            "nul",
                            "nulls",
                            "falsey",
                            "x",
                            "[1,]",
                            "[,1]",
                            "[1 2]",
                            "[1",
                            "1]",
                            "[1}",
                            "{\"k\":1",
                            "{\"k\":1]",
                            "{\"k\"}",
                            "\"\\x\"",
                            "\"\\u12\"",
                            "\"\\u123g\"",
                            "\"\\",
                            "\"open",
                            "\"tab\there\"",
                            "\"line\nhere\"",
                            "\"\x01\"",
                            "\"\x1f\"",
                            "/**/1",
                            "1//",
                            "[[[[[{\"k\":[01]}]]]]]",
                            "{\"k\":{\"k\":{\"k\":[1,{\"k\":\"\\q\"}]}}}",
                            "{\"\\x\":1}",
                            "'1'",
                            "\"a\"\"b\"",
                            "1 1",
                            ""}) {
    INFO(value);
    CHECK(m.says(with_unused(value)) == "invalid_json");
  }
}

TEST_CASE("events: every kind of JSON value is fine where no rule looks") {
  one_rule m;
  for (const char* value : {"0", "-0", "-0.0e-0", "1E400", "123456789012345678901234567890", "true", "false", "null", "[]", "{}",
                            "[[],{},[[]]]", R"("")", R"("\"\\\/\b\f\n\r\t\u0000\uFFFF")", R"("\ud83d\ude00")", "\"\x7f\"",
                            R"({"":{"":[{"":""}]}})", R"({"a":1,"a":2})", "\"\xf4\x8f\xbf\xbf\""}) {
    INFO(value);
    CHECK(m.says(with_unused(value)) == "match");
  }
}

TEST_CASE("events: invalid UTF-8 is an error anywhere") {
  one_rule m;
  for (const char* bytes : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe2\x82", "\xe0\x80\x80", "\xed\xa0\x80",
                            "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xfe"}) {
    std::string quoted = "\"";
    quoted.append(bytes).append("\"");
    CHECK(m.says(with_unused(quoted)) == "invalid_json");
    CHECK(m.says(with_unused("{" + quoted + ":1}")) == "invalid_json");
    CHECK(m.says("{\"a\":" + quoted + "}") == "invalid_json");
    CHECK(m.says("{" + quoted + ":1}") == "invalid_json");
    CHECK(m.says("{}" + std::string(bytes)) == "invalid_json");
  }
}

TEST_CASE("events: an unpaired surrogate escape is an error anywhere") {
  one_rule m;
  for (const char* text : {R"("\ud83d")", R"("\ude00")", R"("\ude00\ud83d")", R"("\ud83d\ud83d\ude00")", R"("\ud83dx")",
                           R"("\ud83d\n")", R"({"\ud83d":1})", R"(["\uDFFF"])", R"("\\\ud800")"}) {
    INFO(text);
    CHECK(m.says(with_unused(text)) == "invalid_json");
  }
  CHECK(m.says(R"({"a":"\ud83d","z":true})") == "invalid_json");
  CHECK(m.says(R"({"\ud83d":"x"})") == "invalid_json");
  CHECK(m.says(with_unused(R"("\\ud83d")")) == "match");
}

TEST_CASE("events: an error says where") {
  one_rule m;
  const auto wrong = m.reader.match("{\"a\":\"x\",\n \"b\":[01]}");
  REQUIRE(!wrong);
  CHECK(wrong.error().line == 2);
  CHECK(wrong.error().offset >= 15);
  CHECK(wrong.error().offset <= 17);
  CHECK(wrong.error().column == wrong.error().offset - 9);
  CHECK(!wrong.error().message.empty());
}

TEST_CASE("events: depth is limited, also where no rule looks, and never a danger") {
  one_rule m;
  for (const char kind : {'{', '['}) {
    CHECK(m.says(with_unused(nested(999, kind))) == "match");
    CHECK(m.says(with_unused(nested(1000, kind))) == "limit_exceeded");
    CHECK(m.says(with_unused(nested(100'000, kind))) == "limit_exceeded");
  }
  CHECK(m.says(std::string(200'000, '[')) != "match");
  event_options flat;
  flat.max_depth = 2;
  one_rule strict(flat);
  CHECK(strict.says(with_unused("[1]")) == "match");
  CHECK(strict.says(with_unused("[[1]]")) == "limit_exceeded");
}

TEST_CASE("events: a rule may be as deep as an event") {
  matcher m;
  matcher::reader reader(m);
  std::string pattern = "[1]", event = "1";
  for (int i = 0; i < 900; ++i) {
    pattern = "{\"k\":" + pattern + "}";
    event = "{\"k\":" + event + "}";
  }
  m.add(pattern).value();
  CHECK(reader.match(event).value().size() == 1);
  CHECK(reader.match("{\"k\":" + event + "}").value().empty());
}

TEST_CASE("events: size is limited") {
  event_options small;
  small.max_bytes = 40;
  one_rule m(small);
  CHECK(m.says(with_unused("1") + std::string(40 - with_unused("1").size(), ' ')) == "match");
  CHECK(m.says(with_unused("1") + std::string(41 - with_unused("1").size(), ' ')) == "limit_exceeded");
  one_rule usual;
  CHECK(usual.says(with_unused('"' + std::string(std::size_t{15} << 20, 'u') + '"')) == "match");
  CHECK(usual.says(with_unused('"' + std::string(std::size_t{16} << 20, 'u') + '"')) == "limit_exceeded");
}

TEST_CASE("events: a key that comes twice counts twice") {
  one_rule m;
  CHECK(m.says(R"({"a":"x","a":"y","z":true})") == "match");
  CHECK(m.says(R"({"a":"y","a":"x","z":false,"z":true})") == "match");
  CHECK(m.says(R"({"a":"y","a":"w","z":true})") == "no match");
}

TEST_CASE("events: the envelope is not needed and not special") {
  matcher m;
  matcher::reader reader(m);
  m.add(R"({"source":["shop"],"detail":{"n":[1]}})").value();
  CHECK(reader.match(R"({"source":"shop","detail":{"n":1}})").value().size() == 1);
  CHECK(reader.match(R"({"version":"0","id":"1","source":"shop","detail":{"n":1},"detail-type":"t"})").value().size() == 1);
  CHECK(reader.match(R"({"source":"shop","detail":"n"})").value().empty());
}

TEST_CASE("events: a place inside 64 bytes is as good as another") {
  one_rule m;
  for (std::size_t pad = 0; pad < 140; ++pad) {
    const std::string space(pad, ' '), text(pad, 'u');
    CHECK(m.says(space + R"({"a":"x","z":true})") == "match");
    CHECK(m.says(R"({"unused":")" + text + R"(","a":"x","z":true})") == "match");
    CHECK(m.says(R"({"unused":")" + text + R"(\\","a":"\u0078","z":true})") == "match");
    CHECK(m.says(R"({"unused":")" + text + R"(\","a":"x","z":true})") == "invalid_json");
    CHECK(m.says(R"({"a":"x",)" + space + R"("z":tru})") == "invalid_json");
    CHECK(m.says(R"({"z":true,"a":)" + space + R"("x"})" + space + "x") == "invalid_json");
  }
}

TEST_CASE("events: trusting readers give the same answers for valid events") {
  event_options trusting;
  trusting.trusted = true;
  one_rule m(trusting);
  CHECK(m.says(R"({"a":"x","z":true})") == "match");
  CHECK(m.says(R"({"a":"x","z":true,"more":[1,{"k":"v"}]})") == "match");
  CHECK(m.says(R"({"unused":{"a":[{"z":"]}"}]},"z":true,"b":"\"","a":"\u0078"})") == "match");
  CHECK(m.says(R"({"z":true,"a":["y","x"]})") == "match");
  CHECK(m.says(R"({"z":true,"a":"y"})") == "no match");
  CHECK(m.says("{}") == "no match");
  CHECK(m.says("[]") == "invalid_event");
}

TEST_CASE("events: trusting readers survive every broken event") {
  event_options trusting;
  trusting.trusted = true;
  matcher rules;
  rules.add(R"({"a":{"b":["x",{"numeric":[">",1]}]},"z":[{"exists":false}]})").value();
  rules.add(R"({"a":{"c":[{"wildcard":"*\\*x"},null]}})").value();
  matcher::reader reader(rules, trusting);
  const std::string event = R"({"a":[{"b":"x\u0041\ud83d\ude00"},{"c":[null,-1.5e3,true]}],"u":{"k":[[]]},"z":"\\"} )";
  for (std::size_t cut = 0; cut <= event.size(); ++cut) {
    (void)reader.match(event.substr(0, cut)).has_value();
    (void)reader.match(event.substr(cut)).has_value();
    for (const char c : {'{', '}', '[', ']', '"', '\\', ',', ':', '0', 'u', '\0', '\xff'}) {
      std::string broken = event;
      if (cut < event.size()) broken[cut] = c;
      (void)reader.match(broken).has_value();
    }
  }
  CHECK(reader.match(event).has_value());
}

// ---- arrays that invite trouble

TEST_CASE("arrays: three fields in three long arrays cost a sum, not a product") {
  matcher m;
  matcher::reader reader(m);
  m.add(R"({"a":{"x":[{"exists":true}]},"b":{"x":[{"exists":true}]},"c":{"x":[{"exists":true}]},"z":["no"]})").value();
  m.add(R"({"a":{"x":[-1]},"b":{"x":[-2]},"c":{"x":[-3]}})").value();
  m.add(R"({"a":{"x":[{"exists":true}]},"b":{"x":[{"exists":true}]},"c":{"x":[{"exists":true}]},"y":[{"exists":false}]})")
      .value();
  std::string event;
  for (const char* key : {"a", "b", "c"}) {
    event += (event.empty() ? "{\"" : ",\"") + std::string(key) + "\":[";
    for (int i = 0; i < 400; ++i) event += (i == 0 ? "{\"x\":" : ",{\"x\":") + std::to_string(i) + '}';
    event += ']';
  }
  event += '}';
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) CHECK(reader.match(event).value().size() == 1);
  // 400³ steps an event would take seconds.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds(300) * tests::build_slowness);
}

namespace {

/// A rule of so many fields under "a", and an event in which so many arrays, all under the key "a", have each field in an
/// element of its own: the fields need an array each, and finding out that there are too few takes trying.
std::string fields_under_a(std::size_t fields) {
  std::string out;
  for (std::size_t i = 0; i < fields; ++i) out += (out.empty() ? "\"f" : ",\"f") + std::to_string(i) + "\":[1]";
  return "{\"a\":{" + out + "}}";
}
std::string arrays_under_a(std::size_t arrays, std::size_t fields) {
  std::string one, out;
  for (std::size_t i = 0; i < fields; ++i) one += (one.empty() ? "{\"f" : ",{\"f") + std::to_string(i) + "\":1}";
  for (std::size_t i = 0; i < arrays; ++i) out += (out.empty() ? "\"a\":[" : ",\"a\":[") + one + ']';
  return '{' + out + '}';
}

}  // namespace

TEST_CASE("arrays: an event that repeats keys so as to cost much is stopped by a limit, and the next one is not") {
  matcher m;
  m.add(fields_under_a(14)).value();
  matcher::reader reader(m);
  const auto stopped = reader.match(arrays_under_a(13, 14));
  REQUIRE(!stopped);
  CHECK(stopped.error().code == errc::limit_exceeded);
  CHECK(reader.match(arrays_under_a(14, 14)).value().size() == 1);
  CHECK(!reader.match(arrays_under_a(13, 14)));
  CHECK(reader.match(arrays_under_a(1, 14)).value().empty());
}

TEST_CASE("arrays: the limit on steps is an option") {
  matcher m;
  m.add(fields_under_a(6)).value();
  event_options few;
  few.max_array_steps = 20;
  matcher::reader impatient(m, few), usual(m);
  CHECK(impatient.match(arrays_under_a(5, 6)).error().code == errc::limit_exceeded);
  CHECK(usual.match(arrays_under_a(5, 6)).value().empty());
  CHECK(usual.match(arrays_under_a(6, 6)).value().size() == 1);
  CHECK(impatient.match(R"({"a":{"f0":1,"f1":1,"f2":1,"f3":1,"f4":1,"f5":1}})").value().size() == 1);
}
