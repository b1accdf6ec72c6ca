// An explanation as text for people and as JSON for programs.
#include <algorithm>

#include "rulebus/detail/json_write.hpp"
#include "rulebus/explain.hpp"

namespace rulebus::inline v1 {

namespace detail::why_output {

constexpr std::size_t widest_path = 32, widest_conditions = 48, widest_value = 60;

/// At most `width` bytes, cut at a character, with "…" for the rest.
std::string shortened(std::string_view text, std::size_t width) {
  if (text.size() <= width) return std::string(text);
  std::size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string found_text(const explained_field& f) {
  if (f.found.empty()) return "absent";
  std::string out;
  std::size_t shown = 0;
  for (; shown < f.found.size() && (shown == 0 || out.size() < widest_value); ++shown) {
    if (shown != 0) out += ", ";
    out += shortened(f.found[shown], widest_value);
  }
  if (f.found_in_all > shown) out += ", ... (" + std::to_string(f.found_in_all) + " values)";
  return out;
}

struct widths {
  std::size_t path = 0, conditions = 0;
};

void measure(const explained_group& g, widths& w) {
  for (const explained_field& f : g.fields) {
    w.path = std::min(widest_path, std::max(w.path, f.path.size()));
    w.conditions = std::min(widest_conditions, std::max(w.conditions, f.conditions.size()));
  }
  for (const explained_choice& c : g.choices) {
    for (const explained_group& branch : c.branches) measure(branch, w);
  }
}

void append_text(std::string& out, const explained_group& g, const widths& w, const std::string& indent) {
  for (const explained_field& f : g.fields) {
    out += indent + (f.passed ? "pass  " : "FAIL  ") + padded(f.path, w.path) + "  wants " +
           padded(shortened(f.conditions, std::max(widest_conditions, w.conditions)), w.conditions) + "  found " + found_text(f) +
           '\n';
  }
  for (const explained_choice& c : g.choices) {
    out += indent + (c.passed ? "pass  " : "FAIL  ") + "$or, one of:\n";
    for (std::size_t i = 0; i < c.branches.size(); ++i) {
      out += indent + "  " + (c.branches[i].passed ? "pass" : "FAIL") + "  branch " + std::to_string(i + 1) + '\n';
      append_text(out, c.branches[i], w, indent + "    ");
    }
  }
}

void append_json(std::string& out, const explained_field& f) {
  out += "{\"path\":";
  append_json_string(out, f.path);
  out += ",\"conditions\":" + f.conditions + ",\"found\":[";
  for (std::size_t i = 0; i < f.found.size(); ++i) out += (i == 0 ? "" : ",") + f.found[i];
  out += "],\"found_in_all\":" + std::to_string(f.found_in_all) + ",\"passed\":" + (f.passed ? "true}" : "false}");
}

void append_json(std::string& out, const explained_group& g) {
  out += "\"fields\":[";
  for (std::size_t i = 0; i < g.fields.size(); ++i) {
    if (i != 0) out += ',';
    append_json(out, g.fields[i]);
  }
  out += "],\"or\":[";
  for (std::size_t i = 0; i < g.choices.size(); ++i) {
    const explained_choice& c = g.choices[i];
    out += (i == 0 ? "{\"passed\":" : ",{\"passed\":") + std::string(c.passed ? "true" : "false") + ",\"branches\":[";
    for (std::size_t k = 0; k < c.branches.size(); ++k) {
      out += (k == 0 ? "{\"passed\":" : ",{\"passed\":") + std::string(c.branches[k].passed ? "true," : "false,");
      append_json(out, c.branches[k]);
      out += '}';
    }
    out += "]}";
  }
  out += ']';
}

}  // namespace detail::why_output

std::string explanation::text() const {
  std::string out = matched ? "match" : "no match";
  out += " (" + std::to_string(passed) + " of " + std::to_string(total) + " conditions hold)\n";
  if (array_conflict) out += "  every field passes by itself, but not with values from the same array elements\n";
  detail::why_output::widths w;
  detail::why_output::measure(root, w);
  detail::why_output::append_text(out, root, w, "  ");
  return out;
}

std::string explanation::json() const {
  std::string out = std::string("{\"matched\":") + (matched ? "true" : "false") + ",\"passed\":" + std::to_string(passed) +
                    ",\"total\":" + std::to_string(total) + ",\"array_conflict\":" + (array_conflict ? "true," : "false,");
  detail::why_output::append_json(out, root);
  out += '}';
  return out;
}

}  // namespace rulebus::inline v1
