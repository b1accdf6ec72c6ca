// CloudEvents 1.0: the shapes of the specification's examples in each mode, what it forbids, and the mapping to envelopes.
#include "rulebus/cloud_events.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "rulebus/matcher.hpp"

using rulebus::cloud_data;
using rulebus::cloud_event;
using rulebus::cloud_message;
using rulebus::envelope;
using rulebus::errc;

namespace {

using headers = std::vector<std::pair<std::string, std::string>>;

cloud_event minimal() {
  cloud_event e;
  e.id = "A1";
  e.source = "/shop";
  e.type = "order.placed";
  return e;
}

/// The attributes that the specification's examples have, with values of ours.
cloud_event usual() {
  cloud_event e = minimal();
  e.subject = "order-7";
  e.time = "2026-11-23T08:00:00Z";
  e.extensions = {{"comexamplenumber", 5}, {"comexampletext", std::string("value")}};
  return e;
}

const std::string usual_attributes =
    R"("specversion":"1.0","id":"A1","source":"/shop","type":"order.placed","subject":"order-7","time":"2026-11-23T08:00:00Z")";
const std::string usual_extensions = R"("comexamplenumber":5,"comexampletext":"value")";

const headers usual_headers = {{"ce-specversion", "1.0"},    {"ce-id", "A1"},
                               {"ce-source", "/shop"},       {"ce-type", "order.placed"},
                               {"ce-subject", "order-7"},    {"ce-time", "2026-11-23T08:00:00Z"},
                               {"ce-comexamplenumber", "5"}, {"ce-comexampletext", "value"}};

headers with(headers h, const std::string& type) { return h.emplace_back("Content-Type", type), h; }

/// In binary mode extensions are strings.
cloud_event without_types(cloud_event e) {
  for (auto& [name, value] : e.extensions)
    if (const auto* number = std::get_if<std::int32_t>(&value))
      value = std::to_string(*number);
    else if (const bool* yes = std::get_if<bool>(&value))
      value = std::string(*yes ? "true" : "false");
  return e;
}

struct example {
  cloud_event event;
  std::string json;
  cloud_message message;
};

std::vector<example> examples() {
  std::vector<example> out;
  cloud_event e = usual();
  out.push_back({e, "{" + usual_attributes + "," + usual_extensions + "}", {usual_headers, ""}});

  e.datacontenttype = "application/octet-stream";
  e.kind = cloud_data::binary;
  e.data = std::string("\x00\xff\x10z", 4);
  out.push_back({e,
                 "{" + usual_attributes + R"(,"datacontenttype":"application/octet-stream",)" + usual_extensions +
                     R"(,"data_base64":"AP8Qeg=="})",
                 {with(usual_headers, "application/octet-stream"), e.data}});

  e.datacontenttype = "application/xml";
  e.kind = cloud_data::text;
  e.data = "<order total=\"250\"/>";
  out.push_back({e,
                 "{" + usual_attributes + R"(,"datacontenttype":"application/xml",)" + usual_extensions +
                     R"(,"data":"<order total=\"250\"/>"})",
                 {with(usual_headers, "application/xml"), e.data}});

  e.datacontenttype = "application/json";
  e.kind = cloud_data::json;
  e.data = R"({"total":250.00,"paid":true})";
  out.push_back(
      {e,
       "{" + usual_attributes + R"(,"datacontenttype":"application/json",)" + usual_extensions + R"(,"data":)" + e.data + "}",
       {with(usual_headers, "application/json"), e.data}});
  e.data = R"("only a string")";
  out.push_back(
      {e,
       "{" + usual_attributes + R"(,"datacontenttype":"application/json",)" + usual_extensions + R"(,"data":"only a string"})",
       {with(usual_headers, "application/json"), e.data}});
  return out;
}

errc code_of(const std::string& json) {
  const auto made = rulebus::parse_cloud_event(json);
  REQUIRE_MESSAGE(!made.has_value(), json);
  CHECK_MESSAGE(made.error().line > 0, json);
  CHECK(!made.error().message.empty());
  return made.error().code;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

const std::string plain = R"({"specversion":"1.0","id":"A1","source":"/shop","type":"t"})";

/// `plain` with one more member.
std::string plus(const std::string& member) { return plain.substr(0, plain.size() - 1) + "," + member + "}"; }

}  // namespace

TEST_CASE("cloud events: each kind of data in structured mode, there and back") {
  for (const example& x : examples()) {
    CHECK(rulebus::structured_json(x.event).value() == x.json);
    CHECK(rulebus::parse_cloud_event(x.json).value() == x.event);
  }
}

TEST_CASE("cloud events: each kind of data in binary mode, there and back") {
  for (const example& x : examples()) {
    const cloud_message made = rulebus::binary_message(x.event).value();
    CHECK(made.headers == x.message.headers);
    CHECK(made.body == x.message.body);
    CHECK(rulebus::parse_binary_message(x.message).value() == without_types(x.event));
  }
}

TEST_CASE("cloud events: order and white space of structured mode do not matter, null means unset") {
  const auto made = rulebus::parse_cloud_event(
      "\n{ \"data\" : { \"a\" : [ 1 ] } ,\"subject\":null, \"type\":\"t\",\"x1\":null,\"yes\":true,\"no\":false,\n"
      "\"source\":\"urn:x\",\"id\":\"\\u0041\", \"data_base64\":null, \"specversion\":\"1.0\" } ");
  cloud_event e;
  e.id = "A";
  e.source = "urn:x";
  e.type = "t";
  e.extensions = {{"yes", true}, {"no", false}};
  e.kind = cloud_data::json;
  e.data = R"({"a":[1]})";
  CHECK(made.value() == e);
}

TEST_CASE("cloud events: data without a content type are JSON, and binary mode says so") {
  cloud_event e = minimal();
  e.kind = cloud_data::json;
  e.data = R"("text")";
  CHECK(rulebus::parse_cloud_event(replaced(plus(R"("data":"text")"), "\"t\"", "\"order.placed\"")).value() == e);
  const auto message = rulebus::binary_message(e).value();
  CHECK(message.headers.back() == std::pair<std::string, std::string>("Content-Type", "application/json"));
  CHECK(message.body == R"("text")");
  e.datacontenttype = "application/json";
  CHECK(rulebus::parse_binary_message(message).value() == e);
}

TEST_CASE("cloud events: null is a value of data, and only of JSON") {
  CHECK(rulebus::parse_cloud_event(plus(R"("data":null)"))->kind == cloud_data::json);
  CHECK(rulebus::parse_cloud_event(plus(R"("data":null)"))->data == "null");
  CHECK(rulebus::parse_cloud_event(plus(R"("data":null,"datacontenttype":"text/plain")"))->kind == cloud_data::none);
  CHECK(rulebus::parse_cloud_event(plain)->kind == cloud_data::none);
}

TEST_CASE("cloud events: media types that declare JSON, with parameters and in any case") {
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8", "text/json", "application/vnd.x+json ;a=b"})
    CHECK(rulebus::parse_cloud_event(plus(R"("data":{"a":1},"datacontenttype":")" + std::string(type) + "\""))->kind ==
          cloud_data::json);
  for (const char* type : {"text/plain", "application/jsonx", "application/xjson", "json/x"})
    CHECK(rulebus::parse_cloud_event(plus(R"("data":"a","datacontenttype":")" + std::string(type) + "\""))->kind ==
          cloud_data::text);
}

TEST_CASE("cloud events: in binary mode a body is JSON, text or bytes, as it is declared") {
  const auto kind = [](const char* type, std::string body) {
    headers h = {{"CE-SpecVersion", "1.0"}, {"Ce-Id", "1"}, {"ce-source", "s"}, {"ce-type", " t "}, {"Host", "x"}};
    if (*type != '\0') h.emplace_back("CONTENT-TYPE", type);
    return rulebus::parse_binary_message({h, std::move(body)}).value().kind;
  };
  CHECK(kind("application/json; charset=UTF-8", "{}") == cloud_data::json);
  CHECK(kind("text/plain", "x") == cloud_data::text);
  CHECK(kind("image/svg+xml", "<x/>") == cloud_data::text);
  CHECK(kind("text/plain; charset=\"UTF-8\"", "é") == cloud_data::text);
  CHECK(kind("text/plain; charset=iso-8859-1", "\xe9") == cloud_data::binary);
  CHECK(kind("text/plain", "\xe9") == cloud_data::binary);
  CHECK(kind("image/png", "x") == cloud_data::binary);
  CHECK(kind("", "{}") == cloud_data::binary);
  CHECK(kind("application/json", "") == cloud_data::none);
}

TEST_CASE("cloud events: white space goes from a JSON body, any other body is what it is") {
  const auto read = [](const char* type, std::string body) {
    return rulebus::parse_binary_message({with(usual_headers, type), std::move(body)}).value();
  };
  const cloud_event e = read("application/json", "\r\n {\"a\": 1}\t\n");
  CHECK(e.data == R"({"a":1})");
  CHECK(rulebus::parse_cloud_event(rulebus::structured_json(e).value()).value() == e);
  CHECK(read("text/plain", " x\n").data == " x\n");
  CHECK(read("image/png", "\n").data == "\n");
  const auto blank = rulebus::parse_binary_message({with(usual_headers, "application/json"), " "});
  CHECK(blank.error().message.find("not valid JSON") != std::string::npos);
}

TEST_CASE("cloud events: header values are percent-encoded, and read in every form that is allowed") {
  cloud_event e = minimal();
  e.subject = "Preis € \xf0\x9f\x98\x80 \"50%\"";
  const auto message = rulebus::binary_message(e).value();
  CHECK(message.headers[4].second == "Preis%20%E2%82%AC%20%F0%9F%98%80%20%2250%25%22");
  CHECK(rulebus::parse_binary_message(message).value() == e);

  const auto subject = [](const std::string& value) {
    return rulebus::parse_binary_message(
        {{{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "s"}, {"ce-type", "t"}, {"ce-subject", value}}, ""});
  };
  CHECK(subject("%c3%a9%41")->subject == "éA");
  CHECK(subject(" \"a \\\"b\\\\\" ")->subject == "a \"b\\");
  CHECK(subject("\"%20\"")->subject == " ");
  CHECK(subject("a b")->subject == "a b");
  CHECK(subject("%2525")->subject == "%25");
  for (const char* bad : {"%C0%A0", "%ED%A0%80", "%", "%4", "%zz", "\"open", "\"open\\", "", "%0A"}) {
    const auto made = subject(bad);
    REQUIRE_MESSAGE(!made.has_value(), bad);
    CHECK(made.error().code == errc::invalid_event);
  }
}

TEST_CASE("cloud events: a batch is an array, which may be empty") {
  const std::vector<cloud_event> two = {minimal(), usual()};
  const std::string json = rulebus::batch_json(two).value();
  CHECK(rulebus::parse_cloud_events(json).value() == two);
  CHECK(json == "[" + rulebus::structured_json(two[0]).value() + "," + rulebus::structured_json(two[1]).value() + "]");
  CHECK(rulebus::batch_json({}).value() == "[]");
  CHECK(rulebus::parse_cloud_events(" [ ] ")->empty());

  const auto wrong = rulebus::parse_cloud_events("[" + plain + ",\n{\"id\":1}]");
  REQUIRE(!wrong.has_value());
  CHECK(wrong.error().message == "Event 1 of the batch: CloudEvent attribute 'id' must be a string");
  CHECK(wrong.error().line == 2);
  CHECK(rulebus::parse_cloud_events(plain).error().code == errc::invalid_event);
  CHECK(rulebus::parse_cloud_events("[1]").error().code == errc::invalid_event);
  CHECK(rulebus::parse_cloud_events("[" + plain).error().code == errc::invalid_json);
  CHECK(rulebus::parse_cloud_events("[] x").error().code == errc::invalid_json);
  const std::vector<cloud_event> broken = {minimal(), cloud_event{}};
  CHECK(rulebus::batch_json(broken).error().message == "Event 1 of the batch: CloudEvent attribute 'id' is required");
}

TEST_CASE("cloud events: the content type says which mode a message has") {
  const std::string json = rulebus::structured_json(usual()).value();
  const auto parse = [](const std::string& type, const std::string& body) {
    return rulebus::parse_message({{{"Content-Type", type}}, body});
  };
  CHECK(parse("application/cloudevents+json", json).value() == std::vector<cloud_event>{usual()});
  CHECK(parse("Application/CloudEvents+JSON; charset=UTF-8", json).value() == std::vector<cloud_event>{usual()});
  CHECK(parse("application/cloudevents-batch+json", "[" + json + "," + json + "]")->size() == 2);
  CHECK(parse("application/cloudevents+avro", json).error().code == errc::unsupported);
  CHECK(parse("application/cloudevents-batch+proto", json).error().code == errc::unsupported);
  CHECK(parse("application/json", json).error().code == errc::invalid_event);
  CHECK(rulebus::parse_message(rulebus::binary_message(usual()).value()).value() ==
        std::vector<cloud_event>{without_types(usual())});
  CHECK(rulebus::parse_message({{}, json}).error().code == errc::invalid_event);
}

TEST_CASE("cloud events: what is none, and why") {
  CHECK(code_of("") == errc::invalid_json);
  CHECK(code_of("{") == errc::invalid_json);
  CHECK(code_of(plain + "x") == errc::invalid_json);
  CHECK(code_of("[]") == errc::invalid_event);
  CHECK(code_of("{}") == errc::invalid_event);
  for (const char* name : {"specversion", "id", "source", "type"}) {
    CHECK(code_of(replaced(plain, "\"" + std::string(name) + "\"", "\"other\"")) == errc::invalid_event);
    CHECK(code_of(plus("\"" + std::string(name) + "\":\"1.0\"")) == errc::invalid_event);  // twice
  }
  CHECK(code_of(replaced(plain, "\"A1\"", "null")) == errc::invalid_event);
  CHECK(code_of(replaced(plain, "\"A1\"", "\"\"")) == errc::invalid_event);
  CHECK(code_of(replaced(plain, "1.0", "0.3")) == errc::unsupported);
  for (const char* member : {R"("subject":"")",
                             R"("subject":1)",
                             R"("subject":"a\u0000")",
                             R"("subject":"\u0085")",
                             R"("subject":"\ufffe")",
                             R"("time":"now")",
                             R"("time":"2026-02-30T00:00:00Z")",
                             R"("time":"2026-01-01T00:00:00")",
                             R"("time":"2026-01-01T24:00:00Z")",
                             R"("time":"2026-01-01T00:00:00.Z")",
                             R"("time":"2026-01-01T00:00:00+1:00")",
                             R"("time":"2026-01-01 00:00:00Z")",
                             R"("time":"0000-01-01T00:00:00+00:01")",
                             R"("time":"9999-12-31T23:59:60Z")",
                             R"("dataschema":"relative")",
                             R"("dataschema":"a b:c")",
                             R"("datacontenttype":"json")",
                             R"("datacontenttype":"a/b; c=é")",
                             R"("datacontenttype":" a/b")",
                             R"("datacontenttype":"a/b/c")",
                             R"("datacontenttype":"/x")",
                             R"("Upper":1)",
                             R"("da-sh":1)",
                             R"("":1)",
                             R"("ünicode":1)",
                             R"("x":1.5)",
                             R"("x":1e2)",
                             R"("x":2147483648)",
                             R"("x":[1])",
                             R"("x":{})",
                             R"("data":1,"data_base64":"AA==")",
                             R"("data_base64":1)",
                             R"("data_base64":"AA=")",
                             R"("data_base64":"A===")",
                             R"("data_base64":"AB==")",
                             R"("data_base64":"A A=")",
                             R"("data_base64":"====")",
                             R"("data":1,"datacontenttype":"text/plain")",
                             R"("data":1,"data":2)",
                             R"("x":1,"\u0078":2)"})
    CHECK_MESSAGE(code_of(plus(member)) == errc::invalid_event, member);
  for (const char* source : {"a b", "<x>", "%", "%4", "%zz", "1:2", ":x", "a#b#c", "é", "\\\\"})
    CHECK_MESSAGE(code_of(replaced(plain, "/shop", source)) == errc::invalid_event, source);
  CHECK(code_of(plus("\"data\":" + std::string(2000, '[') + std::string(2000, ']'))) == errc::limit_exceeded);
}

TEST_CASE("cloud events: what is allowed") {
  for (const char* source :
       {"https://example.com/a?b=c#d", "mailto:a@example.com", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "/a/b",
        "1-555-123-4567", "aws.ec2", "a%20b", "//h:80/x", "x/1:2", "?a:b"})
    CHECK_MESSAGE(rulebus::parse_cloud_event(replaced(plain, "/shop", source)).has_value(), source);
  for (const char* time : {"2026-01-01T00:00:00Z", "2026-01-01t00:00:00.123456789z", "2026-12-31T23:59:60Z",
                           "2024-02-29T12:00:00-23:59", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.9Z"})
    CHECK_MESSAGE(rulebus::parse_cloud_event(plus("\"time\":\"" + std::string(time) + "\"")).has_value(), time);
  CHECK(rulebus::parse_cloud_event(plus(R"("x":-2147483648,"averyverylongnameofanextension":2147483647)")).has_value());
  CHECK(rulebus::parse_cloud_event(plus(R"("dataschema":"https://example.com/s#1")")).has_value());
  CHECK(rulebus::parse_cloud_event(plus(R"("data_base64":"")"))->kind == cloud_data::binary);
}

TEST_CASE("cloud events: writing checks what was put together by hand") {
  const auto refused = [](auto change) {
    cloud_event e = usual();
    change(e);
    const auto valid = rulebus::check_cloud_event(e);
    REQUIRE(!valid.has_value());
    CHECK(rulebus::structured_json(e).error() == valid.error());
    CHECK(rulebus::binary_message(e).error() == valid.error());
    CHECK(rulebus::to_envelope(e).error() == valid.error());
    return valid.error().message;
  };
  CHECK(refused([](auto& e) { e.id = "\xff"; }) == "CloudEvent attribute 'id' is not valid UTF-8");
  CHECK(refused([](auto& e) { e.extensions["id"] = 1; }) ==
        "CloudEvent attribute 'id' is no extension: cloud_event has a member for it");
  CHECK(refused([](auto& e) { e.extensions["data"] = 1; }).find("'data'") != std::string::npos);
  CHECK(refused([](auto& e) { e.data = "x"; }) == "The data of the CloudEvent are of no kind, but not empty");
  CHECK(refused([](auto& e) { e.kind = cloud_data::json; }).find("not valid JSON") != std::string::npos);
  CHECK(refused([](auto& e) { e.kind = cloud_data::text; }).find("datacontenttype") != std::string::npos);
  CHECK(refused([](auto& e) { e.kind = cloud_data::text, e.datacontenttype = "a/b", e.data = "\xc0"; }).find("UTF-8") !=
        std::string::npos);
  CHECK(refused([](auto& e) { e.kind = cloud_data::json, e.datacontenttype = "a/b", e.data = "1"; }).find("otherwise") !=
        std::string::npos);
}

TEST_CASE("cloud events: headers that are no CloudEvent, and why") {
  const headers good = {{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "s"}, {"ce-type", "t"}};
  const auto refused = [&](const std::string& name, const std::string& value, std::string body = "") {
    headers h = good;
    h.emplace_back(name, value);
    const auto made = rulebus::parse_binary_message({h, std::move(body)});
    REQUIRE_MESSAGE(!made.has_value(), name);
    return made.error();
  };
  CHECK(rulebus::parse_binary_message({good, ""}).has_value());
  CHECK(refused("CE-ID", "2").message == "Header ce-id is there twice");
  CHECK(refused("ce-datacontenttype", "a/b").code == errc::invalid_event);
  CHECK(refused("ce-x_y", "a").code == errc::invalid_event);
  CHECK(refused("ce-data", "a").code == errc::invalid_event);
  CHECK(refused("ce-", "a").code == errc::invalid_event);
  CHECK(refused("Content-Type", "json").code == errc::invalid_event);
  CHECK(refused("Content-Type", "application/json", "{").message.find("not valid JSON") != std::string::npos);
  for (std::size_t i = 0; i < good.size(); ++i) {
    headers h = good;
    h.erase(h.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(rulebus::parse_binary_message({h, ""}).error().code == errc::invalid_event);
  }
  headers old = good;
  old[0].second = "0.3";
  CHECK(rulebus::parse_binary_message({old, ""}).error().code == errc::unsupported);
}
