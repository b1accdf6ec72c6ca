#include "schedule_case.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <map>
#include <utility>

#include "instant.hpp"
#include "json_slices.hpp"
#include "output.hpp"

namespace rulebus::cli {
namespace {

/// Reads the members of one line. Each step answers false after setting the complaint.
class case_reader {
 public:
  case_reader(schedule_case& out, std::string& complaint) : out_(out), complaint_(complaint) {}

  bool read(std::string_view line) {
    out_ = {};
    std::vector<raw_member> all;
    if (!slice_object(line, all)) {
      const rulebus::error e = json_complaint(line, "an object");
      return refuse(fmt::format("{} (byte {})", e.message, e.offset));
    }
    for (const raw_member& m : all) {
      if (auto key = decode_string(m.key)) member_[*std::move(key)] = m.value;
    }
    std::optional<std::string> expression, zone;
    if (!text("expr", expression) || !text("tz", zone)) return false;
    if (!zone && !text("zone", zone)) return false;
    if (!expression) return refuse(R"(there is no "expr")");
    out_.expression = *std::move(expression);
    if (zone) out_.zone = *std::move(zone);
    return dialects() && instant("from", out_.from) && instant("anchor", out_.anchor) && next() && error() &&
           text("dump", out_.canonical) && text("says", out_.description);
  }

 private:
  bool refuse(std::string message) {
    complaint_ = std::move(message);
    return false;
  }
  const std::string_view* find(const char* key) const {
    const auto found = member_.find(key);
    return found == member_.end() || found->second == "null" ? nullptr : &found->second;
  }

  bool text(const char* key, std::optional<std::string>& out) {
    const std::string_view* raw = find(key);
    if (raw == nullptr) return true;
    out = decode_string(*raw);
    return out || refuse(fmt::format("\"{}\" must be a string", key));
  }

  bool instant(const char* key, std::optional<time_point>& out) {
    std::optional<std::string> written;
    if (!text(key, written)) return false;
    if (!written) return true;
    out = parse_instant(*written);
    return out || refuse(fmt::format("\"{}\" must be an instant like 2026-11-28T02:00:00Z", key));
  }

  bool dialects() {
    std::optional<std::string> word;
    if (!text("dialect", word)) return false;
    if (!word || *word == "scheduler") {
      out_.dialects = {dialect::scheduler};
    } else if (*word == "rule") {
      out_.dialects = {dialect::rule};
    } else if (*word == "both") {
      out_.dialects = {dialect::rule, dialect::scheduler};
    } else {
      return refuse(R"("dialect" must be "rule", "scheduler" or "both")");
    }
    return true;
  }

  bool next() {
    const std::string_view* raw = find("next");
    if (raw == nullptr) return true;
    std::vector<std::string_view> items;
    if (!slice_array(*raw, items)) return refuse(R"("next" must be an array of instants)");
    out_.next.emplace();
    for (const std::string_view item : items) {
      const auto written = decode_string(item);
      const auto t = written ? parse_instant(*written) : std::nullopt;
      if (!t) return refuse(R"("next" must have instants like "2026-11-28T02:00:00Z")");
      out_.next->push_back(*t);
    }
    return true;
  }

  bool error() {
    if (const std::string_view* raw = find("error"); raw != nullptr) {
      out_.error = *raw != "false";
      if (raw->starts_with('"') && !text("error", out_.error_message)) return false;
      if (!raw->starts_with('"') && *raw != "true" && *raw != "false")
        return refuse(R"("error" must be true, false or a message)");
    }
    if (const std::string_view* raw = find("offset"); raw != nullptr) {
      const auto [end, failed] = std::from_chars(raw->data(), raw->data() + raw->size(), out_.error_offset.emplace());
      if (failed != std::errc{} || end != raw->data() + raw->size()) return refuse(R"("offset" must be a number of bytes)");
    }
    return true;
  }

  schedule_case& out_;
  std::string& complaint_;
  std::map<std::string, std::string_view, std::less<>> member_;
};

std::string error_text(const std::optional<error>& e) { return e ? "error: " + e->message : "valid"; }

}  // namespace

bool parse_schedule_case(std::string_view line, schedule_case& out, std::string& complaint) {
  return case_reader(out, complaint).read(line);
}

schedule_answer answer(const schedule_case& c, dialect d) {
  schedule_answer out;
  const auto parsed = schedule_expression::parse(c.expression, d, c.zone);
  if (!parsed) {
    out.error = parsed.error();
    return out;
  }
  schedule_expression e = *parsed;
  time_point behind = c.from.value_or(std::chrono::sys_days(std::chrono::year(1) / 1 / 1) - std::chrono::days(2));
  if (const auto anchor = c.anchor ? c.anchor : c.from; anchor && e.kind() == schedule_expression::form::rate) {
    e = e.anchored_at(*anchor);
    if (!c.anchor || !c.from) behind = *anchor - std::chrono::milliseconds(1);  // the anchor itself counts
  } else if (e.kind() == schedule_expression::form::rate) {
    behind = time_point{} - std::chrono::milliseconds(1);
  }
  const std::size_t wanted = !c.next ? 5 : c.next->empty() ? 1 : c.next->size();
  for (auto t = e.next_after(behind); t && out.next.size() < wanted; t = e.next_after(*t)) out.next.push_back(*t);
  out.canonical = e.dump();
  out.description = e.describe();
  return out;
}

std::vector<schedule_disagreement> compare(const schedule_case& c, const schedule_answer& a) {
  std::vector<schedule_disagreement> out;
  if (c.expects_something() && c.error != a.error.has_value()) {
    out.push_back({"expression", c.error ? "an error" : "valid", error_text(a.error)});
    return out;
  }
  if (a.error) {
    if (c.error_message && a.error->message != *c.error_message) out.push_back({"error", *c.error_message, a.error->message});
    if (c.error_offset && a.error->offset != *c.error_offset) {
      out.push_back({"offset", std::to_string(*c.error_offset), std::to_string(a.error->offset)});
    }
    return out;
  }
  if (c.next && *c.next != a.next) out.push_back({"next", instants_json(*c.next), instants_json(a.next)});
  if (c.canonical && *c.canonical != a.canonical) out.push_back({"dump", *c.canonical, a.canonical});
  if (c.description && *c.description != a.description) out.push_back({"says", *c.description, a.description});
  return out;
}

std::string instants_json(const std::vector<time_point>& instants) {
  std::string out = "[";
  for (const time_point t : instants) out += fmt::format("{}\"{}\"", out.size() == 1 ? "" : ",", instant_text(t));
  return out + ']';
}

}  // namespace rulebus::cli
