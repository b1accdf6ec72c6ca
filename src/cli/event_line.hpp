// event_line: a line of events for `rulebus run`: a ready event, or an entry of PutEvents that becomes one.
//
//   {"version":"0","id":"…","source":"shop","detail-type":"Order","detail":{…},…}                   a ready event, put as it is
//   {"source":"shop","detail-type":"Order","detail":{…},"event_bus_name":"orders"}                  an entry
//   {"Source":"shop","DetailType":"Order","Detail":"{…}","EventBusName":"orders"}                   likewise, as the AWS CLI has
//   it
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json_slices.hpp"
#include "rulebus/put_events.hpp"
#include "rulebus/result.hpp"

namespace rulebus::cli {

/// What lines are taken for. `by_members`: an entry is what has a source and a detail-type, and neither an id nor a version.
enum class line_shape { by_members, events, entries };

/// Reads one line after the other, and keeps what the last one says. Not thread-safe.
class event_line {
 public:
  explicit event_line(line_shape shape) : shape_(shape) {}

  /// Error: errc::invalid_json, errc::invalid_argument with the place in the line.
  result<void> read(std::string_view line);
  bool is_entry() const noexcept { return is_entry_; }
  /// Views of this object and of the line, until the next read.
  const put_events_entry& entry() const noexcept { return entry_; }

 private:
  result<void> read_entry(std::string_view line);
  result<void> read_member(std::string_view name, std::string_view value, std::string_view line);
  result<void> read_time(std::string_view value, std::string_view line);
  result<void> read_resources(std::string_view value, std::string_view line);
  result<void> read_tags(std::string_view value, std::string_view line);

  line_shape shape_;
  bool is_entry_ = false;
  std::vector<raw_member> members_;
  std::vector<std::string> texts_;  // of members, decoded
  std::vector<std::string> resource_texts_;
  std::vector<std::string_view> resources_;
  string_map tags_;
  put_events_entry entry_;
};

}  // namespace rulebus::cli
