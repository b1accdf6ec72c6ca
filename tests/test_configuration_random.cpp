// Configurations at random: what is loaded is told again, what is told loads to the same, whatever was there before.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "naive_json.hpp"
#include "random_source.hpp"
#include "rulebus/configuration.hpp"
#include "rulebus/targets/null.hpp"

using namespace rulebus;

namespace {

using naive::kind;
using naive::value;

value text(std::string s) { return {kind::string, std::move(s)}; }
value number(std::uint64_t n) { return {kind::number, std::to_string(n)}; }

/// Documents over small alphabets, with members in any order.
class random_documents {
 public:
  explicit random_documents(std::uint64_t seed) : random_(seed) {}

  std::string next() {
    value buses{kind::array};
    for (const std::string name : {"default", "orders", "a/b.c", "audit"}) {
      if (random_.percent(60)) buses.items.push_back(bus(name));
    }
    shuffle(buses);
    value document{kind::object};
    put(document, "buses", buses);
    return naive::to_json(document);
  }

 private:
  static void put(value& object, const char* key, value item) {
    object.keys.emplace_back(key);
    object.items.push_back(std::move(item));
  }
  template <class Make>
  void maybe(value& object, const char* key, std::size_t percent, Make make) {
    if (random_.percent(percent)) put(object, key, make());
  }
  void shuffle(value& v) {
    for (std::size_t i = v.items.size(); i > 1; --i) {
      const std::size_t j = random_.below(i);
      std::swap(v.items[i - 1], v.items[j]);
      if (v.is(kind::object)) std::swap(v.keys[i - 1], v.keys[j]);
    }
  }

  value tags() {
    value v{kind::object};
    for (const char* key : {"team", "é \"x\"", "tier"})
      maybe(v, key, 40, [&] { return text(random_.percent(50) ? "pay" : "\n"); });
    return v;
  }
  value pattern() {
    value fields{kind::array};
    for (std::size_t n = random_.between(1, 3); n > 0; --n) fields.items.push_back(text("v" + std::to_string(random_.below(5))));
    value inner{kind::object}, outer{kind::object};
    put(inner, random_.percent(50) ? "total" : "state", fields);
    put(outer, "detail", inner);
    return random_.percent(20) ? text(naive::to_json(outer)) : outer;
  }
  value described(bool by_label) {
    value v{kind::object};
    describe(v, by_label);
    return v;
  }
  /// The same name always has the same parameters, as it must.
  void describe(value& v, bool by_label) {
    switch (random_.below(4)) {
      case 0: put(v, "type", text("stdout")); break;
      case 1: put(v, "type", text("null")); break;
      case 2: {
        const std::size_t n = random_.below(3);
        put(v, "type", text("queue"));
        put(v, "name", text("q" + std::to_string(n)));
        if (n > 0) put(v, "capacity", number(n * 100));
        if (n == 2) {
          value letters{kind::object};
          put(letters, "name", text("q3"));
          put(v, "max_receives", number(4));
          put(v, "dead_letter_queue", letters);
        }
        break;
      }
      default:
        put(v, "type", text("bus"));
        put(v, "event_bus_name", text("default"));
        maybe(v, "max_hops", 30, [&] { return number(random_.between(1, 20)); });
    }
    if (by_label) maybe(v, "arn", 20, [&] { return text("arn:aws:sqs:::q" + std::to_string(random_.below(3))); });
  }
  value delivery() {
    value v{kind::object};
    maybe(v, "dispatch", 50, [&] { return text(random_.percent(50) ? "executor" : "caller"); });
    maybe(v, "when_full", 50, [&] { return text(random_.percent(50) ? "block" : "reject"); });
    maybe(v, "max_in_flight", 50, [&] { return number(random_.percent(50) ? 64 : random_.between(1, 9)); });
    maybe(v, "timeout_in_milliseconds", 30, [&] { return number(random_.below(100)); });
    maybe(v, "retry_policy", 40, [&] {
      value retry{kind::object};
      maybe(retry, "maximum_retry_attempts", 50, [&] { return number(random_.below(186)); });
      maybe(retry, "maximum_event_age_in_seconds", 50, [&] { return number(random_.between(60, 86400)); });
      return retry;
    });
    maybe(v, "rate", 30, [&] {
      value rate{kind::object};
      put(rate, "per_second", {kind::number, random_.percent(50) ? "0.1" : "1e3"});
      return rate;
    });
    maybe(v, "batch", 20, [&] {
      value batch{kind::object};
      put(batch, "size", number(random_.between(1, 5)));
      return batch;
    });
    shuffle(v);
    return v;
  }
  void input(value& v) {
    switch (random_.below(6)) {
      case 0: put(v, "input", text("{\"fixed\": true}")); break;
      case 1: put(v, "input_path", text("$.detail")); break;
      case 2: {
        value paths{kind::object}, made{kind::object};
        put(paths, "who", text("$.detail.name"));
        put(made, "input_paths_map", paths);
        put(made, "input_template", text("{\"hello\": <who>}"));
        put(v, "input_transformer", made);
        break;
      }
      default: break;
    }
  }
  value target(const std::string& id) {
    value v{kind::object};
    put(v, "id", text(id));
    describe(v, true);
    input(v);
    maybe(v, "delivery", 40, [&] { return delivery(); });
    maybe(v, "dead_letter", 20, [&] { return described(false); });
    maybe(v, "tags", 30, [&] { return tags(); });
    shuffle(v);
    return v;
  }
  value rule(const std::string& name, bool scheduled) {
    value v{kind::object}, targets{kind::array};
    put(v, "name", text(name));
    if (scheduled) put(v, "schedule_expression", text(random_.percent(50) ? "rate(2 hours)" : "cron(0/5 8 ? * MON *)"));
    if (!scheduled || random_.percent(50)) put(v, "event_pattern", pattern());
    maybe(v, "description", 30, [&] { return text("about " + name + " \xc3\xa9\""); });
    maybe(v, "state", 40, [&] { return text(random_.percent(50) ? "ENABLED" : "DISABLED"); });
    maybe(v, "tags", 40, [&] { return tags(); });
    for (const std::string id : {"t1", "t2", "t3"}) {
      if (random_.percent(40)) targets.items.push_back(target(id));
    }
    shuffle(targets);
    put(v, "targets", targets);
    shuffle(v);
    return v;
  }
  value bus(const std::string& name) {
    value v{kind::object}, rules{kind::array};
    put(v, "name", text(name));
    maybe(v, "description", 30, [&] { return text("bus " + name); });
    maybe(v, "tags", 40, [&] { return tags(); });
    maybe(v, "dead_letter", 30, [&] { return described(false); });
    for (const std::string rule_name : {"r1", "r2", "r3", "r4"}) {
      if (random_.percent(50)) rules.items.push_back(rule(rule_name, name == "default" && random_.percent(30)));
    }
    shuffle(rules);
    maybe(v, "rules", 90, [&] { return rules; });
    shuffle(v);
    return v;
  }

  tests::random_source random_;
};

/// The part of a dump that is about the buses of a document.
std::string loaded_into_a_new_service(const std::string& document) {
  service events;
  configuration c(events);
  REQUIRE(c.load(document));
  return c.dump().value();
}

}  // namespace

TEST_CASE("configuration at random: dump is a fixed point, and loading into any service gives what the document says") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  random_documents documents(seed);
  service lived_in;  // takes one document after the other
  configuration c(lived_in);
  for (std::size_t i = 0; i < 600 / tests::build_slowness; ++i) {
    const std::string document = documents.next();
    INFO(document);
    const auto formatted = c.format(document);
    REQUIRE_MESSAGE(formatted.has_value(), formatted.error().message);
    REQUIRE(c.format(*formatted).value() == *formatted);

    const std::string told = loaded_into_a_new_service(document);
    REQUIRE(loaded_into_a_new_service(told) == told);
    REQUIRE(loaded_into_a_new_service(*formatted) == told);

    REQUIRE(c.load(document));
    const std::string everything = c.dump().value();
    REQUIRE(c.load(everything));
    REQUIRE(c.dump().value() == everything);
    // Of the buses that the document names, the old service says what a new one says.
    for (const event_bus_description& d : lived_in.list_event_buses()) {
      const std::string name = "      \"name\": \"" + d.name + "\"";
      const auto part = [&](const std::string& all) {
        const std::size_t at = all.find(name);
        const std::size_t end = std::min(all.find("\n    },\n", at), all.find("\n    }\n", at));
        return at == std::string::npos ? std::string() : all.substr(at, end - at);
      };
      if (!part(*formatted).empty()) REQUIRE(part(everything) == part(*formatted));
    }
  }
}
