// rulebus run: a configuration's buses, rules and targets at work on a stream of events, from the shell.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "configuration_file.hpp"
#include "event_line.hpp"
#include "input.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "run_report.hpp"
#include "stop_watch.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

line_shape shape_of(const std::string& word) {
  return word == "events" ? line_shape::events : word == "entries" ? line_shape::entries : line_shape::by_members;
}

class run_command {
 public:
  run_command(const run_options& options, const common_options& common)
      : options_(options), common_(common), text_(read_configuration_file(options.pipeline.config)), report_(options.events) {
    service_options made = service_for(options.pipeline, common);
    made.on_error = [this](std::string_view bus, const delivery_failure& f) { report_.failed(bus, f); };
    events_ = std::make_unique<service>(std::move(made));
  }

  int run() {
    if (options_.check) return check();
    configuration configured(*events_);
    if (result<void> loaded = configured.load(text_); !loaded) {
      show_configuration_error(options_.pipeline.config, text_, loaded.error());
      return exit_finding;
    }
    if (const auto to = events_->event_bus(options_.event_bus); !to) throw failure("--event-bus: " + to.error().message);
    const stop_watch watch(patience(), [this] { take(events_->stop()); });
    block_reader in(options_.events, block_reader::max_line_bytes, watch.descriptor());
    progress shown("events", ::isatty(STDOUT_FILENO) == 0, in.total_bytes());
    report_.over(&shown);
    const auto start = clock::now();
    put_all(in, watch, shown);
    drain(watch);
    const int code = finish(watch.asked(), start);
    report_.over(nullptr);
    return code;
  }

 private:
  milliseconds patience() const { return milliseconds(static_cast<std::int64_t>(options_.drain * 1000)); }

  int check() {
    const result<void> valid = configuration(*events_).check(text_);
    standard_output output;
    if (common_.json) {
      const error& e = valid ? error{} : valid.error();
      output.write(valid ? std::string(R"({"valid":true})")
                         : fmt::format(R"({{"valid":false,"error":{},"code":"{}","offset":{},"line":{},"column":{}}})",
                                       json_string(e.message), name(e.code), e.offset, e.line, e.column));
      output.write("\n");
    } else if (valid) {
      output.write(fmt::format("{}: valid\n", shown_path(options_.pipeline.config)));
    } else {
      show_configuration_error(options_.pipeline.config, text_, valid.error());
    }
    output.flush();
    return valid ? exit_fine : exit_finding;
  }

  void put_all(block_reader& in, const stop_watch& watch, progress& shown) {
    event_line line(shape_of(options_.as));
    for (block b; !watch.asked() && in.next(b);) {
      std::uint64_t lines = 0;
      for_each_line(b, [&](std::string_view text, std::size_t number) {
        if (blank(text) || watch.asked()) return;
        ++lines;
        const result<void> put = put_line(line, text);
        if (put || put.error().code == errc::stopped) return;
        ++totals_.invalid;
        report_.invalid(number, put.error());
      });
      totals_.lines += lines;
      shown.advance(lines, b.text.size());
    }
  }

  result<void> put_line(event_line& line, std::string_view text) {
    if (text.size() > block_reader::max_line_bytes) return error{errc::limit_exceeded, too_long_message()};
    if (result<void> read = line.read(text); !read) return read;
    if (!line.is_entry()) return events_->put_event_json(std::string(text), options_.event_bus);
    put_events_entry entry = line.entry();
    if (entry.event_bus_name.empty()) entry.event_bus_name = options_.event_bus;
    const result<std::string> put = events_->put_event(entry);
    if (!put) return put.error();
    return {};
  }

  /// Waits for what is under way, as long as there is patience and nobody orders the end.
  void drain(const stop_watch& watch) {
    const auto end = clock::now() + patience();
    const bool was_asked = watch.asked();
    while (!events_->flush(milliseconds(50))) {
      if (!was_asked && clock::now() >= end) break;
      const std::lock_guard lock(mutex_);
      if (ordered_) break;
    }
  }

  void take(std::vector<undelivered_of_bus> left) {
    const std::lock_guard lock(mutex_);
    ordered_ = true;
    std::move(left.begin(), left.end(), std::back_inserter(left_));
  }

  int finish(bool interrupted, clock::time_point start) {
    take(events_->stop());
    totals_.interrupted = interrupted;
    totals_.nowhere = events_->events_to_nowhere();
    totals_.seconds = std::chrono::duration<double>(clock::now() - start).count();
    for (const event_bus_description& d : events_->list_event_buses()) {
      const bus_metrics one = events_->event_bus(d.name).value()->metrics();
      totals_.sum.matched_events += one.matched_events;
      totals_.sum.deliveries.add(one.deliveries);
    }
    const std::lock_guard lock(mutex_);
    totals_.sum.deliveries.undelivered = std::max<std::uint64_t>(totals_.sum.deliveries.undelivered, left_.size());
    report_.left(left_);
    if (!options_.undelivered.empty()) write_undelivered();
    report_.end(totals_, common_.json);
    return totals_.fine() ? exit_fine : exit_finding;
  }

  void write_undelivered() const {
    std::FILE* const file = std::fopen(options_.undelivered.c_str(), "w");
    const std::string lines = undelivered_lines(left_);
    const bool written = file && std::fwrite(lines.data(), 1, lines.size(), file) == lines.size();
    if ((file && std::fclose(file) != 0) || !written)
      throw failure(fmt::format("cannot write {}; {} events are lost", options_.undelivered, left_.size()));
  }

  const run_options& options_;
  const common_options& common_;
  const std::string text_;
  run_report report_;
  std::unique_ptr<service> events_;
  run_totals totals_;
  std::mutex mutex_;
  std::vector<undelivered_of_bus> left_;  // guarded by mutex_
  bool ordered_ = false;                  // guarded by mutex_
};

}  // namespace

int run_run(const run_options& options, const common_options& common) {
  if (options.pipeline.config == "-" && options.events == "-" && !options.check)
    throw failure("the configuration and events cannot both come from standard input; give one of them a file");
  return run_command(options, common).run();
}

}  // namespace rulebus::cli
