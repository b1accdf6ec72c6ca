// service_impl: what a service is made of. service.cpp keeps the buses, service_rules.cpp forwards to them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rulebus/arn.hpp"
#include "rulebus/detail/service_policy.hpp"
#include "rulebus/service.hpp"

namespace rulebus::inline v1 {

class service::impl {
 public:
  explicit impl(service_options given);
  ~impl();

  const service_options options;

  // Buses.
  result<std::string> create(event_bus_settings settings);
  result<void> update(event_bus_update update);
  result<void> remove(std::string_view name_or_arn);
  result<event_bus_description> describe(std::string_view name_or_arn) const;
  result<event_bus_page> list(const list_request& request) const;
  result<std::shared_ptr<bus>> find(std::string_view name_or_arn) const;
  std::vector<std::shared_ptr<bus>> all() const;  ///< by name
  /// Changes the policy of a bus by `make(policy, its ARN)`.
  template <class Make>
  result<void> change_policy(std::string_view name_or_arn, Make make);

  // Events.
  result<put_events_result> put_events(std::span<const put_events_entry> entries, const put_options& how);
  std::uint64_t events_to_nowhere() const { return nowhere_.metrics().events; }

  // Tags.
  struct tagged {
    std::shared_ptr<bus> of;
    resource what;
  };
  result<tagged> find_tagged(std::string_view resource_arn) const;

  // Delivery.
  result<void> flush(std::optional<std::chrono::milliseconds> deadline) const;
  bool quiet() const;

 private:
  struct entry {
    std::shared_ptr<bus> of;
    std::string description, dead_letter_arn;
    std::shared_ptr<target> dead_letter;
    detail::service_policy policy;
    time_point created, modified;
  };
  using bus_map = std::map<std::string, entry, std::less<>>;

  std::shared_ptr<bus> make_bus(const std::string& name, std::shared_ptr<target> dead_letter) const;
  event_bus_description describe(const std::string& name, const entry& e) const;
  result<std::string> name_of(std::string_view name_or_arn) const;
  time_point now() const { return options.buses.clock->now(); }
  void let_go(std::shared_ptr<bus> gone);
  result<std::vector<bus*>> buses_of(std::span<const put_events_entry> entries, std::vector<std::shared_ptr<bus>>& held);

  mutable std::mutex mutex_;
  bus_map buses_;                                   // guarded by mutex_
  std::vector<std::shared_ptr<bus>> let_go_later_;  // guarded by mutex_; deleted by an on_error
  std::shared_ptr<bus> default_;
  bus nowhere_;  // takes what is put to buses that do not exist
};

template <class Make>
result<void> service::impl::change_policy(std::string_view name_or_arn, Make make) {
  const result<std::string> name = name_of(name_or_arn);
  if (!name) return name.error();
  const time_point when = now();
  const std::lock_guard lock(mutex_);
  const auto found = buses_.find(*name);
  if (found == buses_.end()) return error{errc::not_found, "Event bus " + *name + " does not exist."};
  result<void> made = make(found->second.policy, found->second.of->arn());
  if (made) found->second.modified = when;
  return made;
}

}  // namespace rulebus::inline v1
