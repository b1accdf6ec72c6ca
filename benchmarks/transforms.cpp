// rulebus_transform_benchmarks: what a transformer costs for one event, beside its slow twin and beside copying the event.
// Benchmarks are named <input>/<contender>; an item is one event. Answers are compared before anything is timed.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "naive_transformer.hpp"
#include "rulebus/transformer.hpp"

namespace {

struct subject {
  std::string name{};
  rulebus::target_input input{};
};

using variables = std::map<std::string, std::string, std::less<>>;

rulebus::target_input from_template(variables paths, std::string text) {
  rulebus::target_input out;
  out.input_transformer = rulebus::input_transformer{std::move(paths), std::move(text)};
  return out;
}

rulebus::target_input from_path(std::string path) {
  rulebus::target_input out;
  out.input_path = std::move(path);
  return out;
}

std::vector<subject> subjects() {
  const variables three = {{"order", "$.detail.order"}, {"total", "$.detail.total"}, {"customer", "$.detail.customer.name"}};
  return {
      {"identity", {}},
      {"path_detail", from_path("$.detail")},
      {"path_leaf", from_path("$.detail.customer.name")},
      {"path_wildcard", from_path("$.detail.lines[*].sku")},
      {"template_json", from_template(three, R"({"order": <order>, "total": <total>, "text": "<customer> ordered <order>"})")},
      {"template_text", from_template(three, R"("<customer> ordered <order> for <total>")")},
      {"template_reserved", from_template({}, R"({"rule": <aws.events.rule-name>, "event": <aws.events.event>})")},
      {"template_event", from_template({}, R"({"rule": <aws.events.rule-name>, "event": <aws.events.event.json>})")},
      {"template_dropped", from_template({{"detail", "$.detail"}}, R"({"text": "<detail>"})")},
  };
}

/// An order with so many lines: 370 bytes and 60 for each.
std::string order(std::size_t lines) {
  std::string out = R"({"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"OrderPlaced","source":"shop",)"
                    R"("account":"123456789012","time":"2026-11-23T08:00:00Z","region":"eu-west-1","resources":[],"detail":{)"
                    R"("order":"o-1234567","lines":[)";
  for (std::size_t i = 0; i < lines; ++i) {
    out += fmt::format(R"({}{{"sku":"A{}","count":{},"price":12.50,"name":"article {}"}})", i == 0 ? "" : ",", i, i % 5, i);
  }
  return out + R"(],"customer":{"name":"Ada Lovelace","email":"ada@example.com"},"total":250.00}})";
}

constexpr rulebus::transform_context context{"big-orders", "arn:aws:events:eu-west-1:123456789012:rule/big-orders",
                                             "2026-11-23T08:00:00Z"};

naive::transform_input to_naive(const rulebus::input_transformer& from) {
  naive::transform_input out;
  for (const auto& [name, path] : from.input_paths_map) out.paths[name] = path;
  out.text = from.input_template;
  out.reserved = {{"aws.events.rule-name", std::string(context.rule_name)}};
  return out;
}

/// What the twin delivers; empty: dropped.
std::string twin(const rulebus::target_input& input, const std::string& event) {
  const naive::value tree = naive::parse_json(event);
  if (input.input_path) return naive::to_json(*naive::select(tree, *input.input_path));
  if (input.input_transformer) return naive::transform(to_naive(*input.input_transformer), tree).text.value_or("");
  return event;
}

void check(const subject& s, const std::string& event) {
  std::string buffer;
  const auto fast = rulebus::transformer::parse(s.input, "t").value().transform(event, context, buffer).value();
  const std::string slow = twin(s.input, event);
  const bool agree =
      fast.dropped() ? slow.empty()
                     : !slow.empty() && naive::to_json(naive::parse_json(fast.input)) == naive::to_json(naive::parse_json(slow));
  if (!agree) throw std::runtime_error(s.name + ": the transformer and its twin differ");
}

void enlist(const std::string& name, std::size_t bytes, std::function<void()> f) {
  benchmark::RegisterBenchmark(name.c_str(), [bytes, f = std::move(f)](benchmark::State& state) {
    for ([[maybe_unused]] auto _ : state) f();
    state.SetItemsProcessed(state.iterations());
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  });
}

void enlist(const subject& s, const std::string& event, const std::string& size) {
  check(s, event);
  const auto compiled = rulebus::transformer::parse(s.input, "t").value();
  enlist(s.name + size + "/rulebus", event.size(), [compiled, event, buffer = std::string()]() mutable {
    benchmark::DoNotOptimize(compiled.transform(event, context, buffer)->input.data());
  });
  enlist(s.name + size + "/naive_twin", event.size(), [s, event] { benchmark::DoNotOptimize(twin(s.input, event)); });
}

void run(int argc, char** argv) {
  for (const std::size_t lines : {std::size_t{1}, std::size_t{100}}) {
    const std::string event = order(lines), size = lines == 1 ? "" : "_large";
    for (const subject& s : subjects()) enlist(s, event, size);
    enlist("copy" + size + "/memcpy", event.size(), [event, buffer = std::string()]() mutable {
      buffer.assign(event);
      benchmark::DoNotOptimize(buffer.data());
    });
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "rulebus_transform_benchmarks: %s\n", e.what());
    return 1;
  }
}
