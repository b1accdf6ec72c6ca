#include "rulebus/detail/configuration_targets.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include "rulebus/targets/bus.hpp"
#include "rulebus/targets/file.hpp"
#include "rulebus/targets/null.hpp"

namespace rulebus::inline v1::detail {

namespace configuration_targets_source {

/// Lines on standard output, for pipes and people. What cannot be written fails for good where nobody reads any more.
class standard_output_target final : public target {
 public:
  void deliver(delivery d) override {
    std::vector<delivery> one;
    one.push_back(std::move(d));
    deliver_batch(std::move(one));
  }

  void deliver_batch(std::vector<delivery> batch) override {
    std::string lines;
    for (const delivery& d : batch) {
      lines += d.input();
      lines += '\n';
    }
    const int reason = write(lines);
    for (delivery& d : batch) {
      if (reason == 0) {
        d.succeed();
        continue;
      }
      error failed{errc::target_failed, fmt::format("cannot write to standard output: {}", std::strerror(reason))};
      reason == EPIPE ? d.fail(std::move(failed)) : d.retry(std::move(failed));
    }
  }

 private:
  int write(const std::string& lines) {
    const std::lock_guard lock(mutex_);
    errno = 0;
    const bool written = std::fwrite(lines.data(), 1, lines.size(), stdout) == lines.size() && std::fflush(stdout) == 0;
    if (written) return 0;
    const int reason = errno == 0 ? EIO : errno;
    std::clearerr(stdout);
    return reason;
  }
  std::mutex mutex_;
};

/// What sharing goes by: the ARN of a target that has a type is a label only.
target_description without_label(target_description d) {
  if (d.type != target_type::by_arn) d.arn.clear();
  d.offset = 0;
  return d;
}

}  // namespace configuration_targets_source

result<std::shared_ptr<target>> configuration_targets::make(const target_description& d, const std::shared_ptr<bus>& to) {
  using made_target = std::shared_ptr<target>;
  switch (d.type) {
    case target_type::by_arn:
      if (!options_.targets) return error{errc::not_found, fmt::format("no target is known by the arn {}", d.arn)};
      return options_.targets->resolve(d.arn);
    case target_type::standard_output:
      return made_target(std::make_shared<configuration_targets_source::standard_output_target>());
    case target_type::file: {
      auto opened = file_target::open({.path = d.name,
                                       .max_bytes = d.max_bytes,
                                       .keep = static_cast<unsigned>(d.keep),
                                       .sync_every = static_cast<std::size_t>(d.sync_every)});
      if (!opened) return std::move(opened).error();
      return made_target(*std::move(opened));
    }
    case target_type::queue: {
      queue_options o{.capacity = static_cast<std::size_t>(d.capacity),
                      .visibility_timeout = d.visibility_timeout,
                      .max_receives = static_cast<unsigned>(d.max_receives),
                      .clock = of_.options().buses.clock};
      if (d.dead_letter_queue) {
        auto letters = find_or_make(*d.dead_letter_queue);
        if (!letters) return letters;
        o.dead_letters = std::dynamic_pointer_cast<queue_target>(*letters);
      }
      if (result<void> valid = queue_target::check(o); !valid) return std::move(valid).error();
      return made_target(std::make_shared<queue_target>(o));
    }
    case target_type::null: return made_target(std::make_shared<null_target>());
    case target_type::bus:
      return made_target(std::make_shared<bus_target>(to, bus_target_options{static_cast<std::size_t>(d.max_hops)}));
  }
  return error{errc::invalid_argument, "an unknown type of target"};
}

result<std::shared_ptr<target>> configuration_targets::find_or_make(const target_description& given) {
  const target_description d = configuration_targets_source::without_label(given);
  const std::string text = write_description(d);
  std::shared_ptr<bus> to;
  if (d.type == target_type::bus) {
    auto found = of_.event_bus(d.name);
    if (!found) return std::move(found).error();
    to = *std::move(found);
  }
  {
    const std::lock_guard lock(mutex_);
    forget_what_is_gone();
    const auto there = by_text_.find(text);
    if (there != by_text_.end() && there->second.to.lock() == to) {
      if (auto used = there->second.used.lock()) return used;
    }
  }
  std::shared_ptr<target> used = options_.replace ? options_.replace(text) : nullptr;
  if (!used) {
    result<std::shared_ptr<target>> original = make(d, to);
    if (!original) return original;
    used = *std::move(original);
  }
  if (!used) return error{errc::not_found, fmt::format("there is no target for {}", text)};
  const std::lock_guard lock(mutex_);
  by_text_.insert_or_assign(text, made{used, to});
  by_target_.insert_or_assign(used, d);
  return used;
}

void configuration_targets::forget_what_is_gone() {
  std::erase_if(by_text_, [](const auto& entry) { return entry.second.used.expired(); });
  std::erase_if(by_target_, [](const auto& entry) { return entry.first.expired(); });
}

std::optional<target_description> configuration_targets::describe(const std::shared_ptr<target>& t) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_target_.find(t);
  if (found == by_target_.end()) return std::nullopt;
  return found->second;
}

std::shared_ptr<queue_target> configuration_targets::queue(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [used, d] : by_target_) {
    if (d.type == target_type::queue && d.name == name) {
      if (auto found = std::dynamic_pointer_cast<queue_target>(used.lock())) return found;
    }
  }
  return nullptr;
}

}  // namespace rulebus::inline v1::detail
