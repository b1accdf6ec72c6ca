#include "rulebus/detail/own_input.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/rule_table.hpp"
#include "rulebus/detail/utc_text.hpp"

namespace rulebus::inline v1::detail {

std::optional<error> set_own_input(invocation& of, const rule_entry& r, const target_entry& t) {
  const dispatcher& in = of.to->in();
  const auto now = std::chrono::floor<std::chrono::seconds>(in.configuration().clock->now()).time_since_epoch().count();
  const std::string arn = in.rule_arn(*r.name), time = utc_text(now);
  auto buffer = std::make_unique<std::string>();
  const result<transformed> input =
      t.extras->transforms.transform(of.event().json(), {.rule_name = *r.name, .rule_arn = arn, .ingestion_time = time}, *buffer);
  if (!input) return input.error();
  if (input->dropped()) return error{errc::invalid_json, std::string(input->reason)};
  if (input->input.data() == buffer->data()) {
    buffer->resize(input->input.size());
  } else {
    buffer = std::make_unique<std::string>(input->input);
  }
  of.own_input = std::move(buffer);
  return std::nullopt;
}

}  // namespace rulebus::inline v1::detail
