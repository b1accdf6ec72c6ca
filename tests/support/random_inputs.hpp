// random_inputs: random events as text, paths into them, and templates. Few names and values, so that they meet; strings,
// white space and escapes of every kind, since transformers copy text.
#pragma once

#include <string>
#include <vector>

#include "naive_json.hpp"
#include "naive_transformer.hpp"
#include "random_source.hpp"

namespace tests {

class input_generator {
 public:
  explicit input_generator(random_source& random) : random_(random) {}

  std::string event() {
    std::string out;
    object(out, 4);
    return out + space();
  }

  std::string path() {
    std::string out = "$";
    for (std::size_t steps = random_.below(5); steps-- > 0;) {
      switch (random_.below(8)) {
        case 0: out += "[*]"; break;
        case 1: out += ".*"; break;
        case 2:
        case 3: out += '[' + std::to_string(random_.below(3)) + ']'; break;
        default: out += '.' + random_.pick(names_);
      }
    }
    return out;
  }

  naive::transform_input input() {
    naive::transform_input out;
    for (std::size_t n = random_.below(5); n-- > 0;) out.paths["v" + std::to_string(n)] = path();
    out.reserved = {
        {"aws.events.rule-name", random_.pick(texts_)}, {"aws.events.rule-arn", "arn"}, {"aws.events.event.ingestion-time", ""}};
    if (random_.percent(30)) {
      for (std::size_t lines = random_.between(1, 3); lines-- > 0;)
        out.text += space() + '"' + content(out, false) + '"' + (lines != 0 ? "\n" : "");
      if (out.text.find_first_not_of(" \t\r\n") != std::string::npos) return out;
    }
    out.text = space();
    if (random_.percent(80))
      template_object(out, 3, true);
    else
      template_value(out, 3, false);
    const std::size_t first = out.text.find_first_not_of(" \t\r\n");
    if (out.text[first] == '"') out.text = "[" + out.text + "]";  // else it would be a text template
    return out;
  }

 private:
  std::string space() {
    static const std::vector<std::string> spaces = {"", "", "", " ", "\n ", "\t", " \r\n"};
    return random_.pick(spaces);
  }

  // A string's content, its characters written in one of the ways that JSON has.
  std::string written(const std::string& text) {
    std::string quoted;
    naive::write_string(text, quoted);
    std::string out;
    for (const char c : quoted.substr(1, quoted.size() - 2)) {
      const bool plain = (c >= 'a' && c <= 'z') || c == ' ' || c == ',';
      if (plain && out.find('\\') == std::string::npos && random_.percent(10)) {
        static constexpr char hex[] = "0123456789abcdef";
        out += "\\u00";
        out += hex[static_cast<unsigned char>(c) >> 4];
        out += hex[static_cast<unsigned char>(c) & 15];
      } else {
        out += c;
      }
    }
    return out;
  }

  void object(std::string& out, std::size_t depth) {
    out += '{' + space();
    for (std::size_t n = random_.below(4), i = 0; i < n; ++i) {
      if (i != 0) out += ',' + space();
      out += '"' + written(random_.percent(85) ? random_.pick(names_) : random_.pick(texts_)) + '"' + space() + ':' + space();
      value(out, depth - 1);
      out += space();
    }
    out += '}';
  }

  void value(std::string& out, std::size_t depth) {
    const std::size_t kind = random_.below(depth == 0 ? 3 : 6);
    if (kind == 0) {
      out += '"' + written(random_.pick(texts_)) + '"';
    } else if (kind == 1) {
      out += random_.pick(numbers_);
    } else if (kind == 2) {
      out += random_.pick(words_);
    } else if (kind == 3) {
      out += '[' + space();
      for (std::size_t n = random_.below(4), i = 0; i < n; ++i) {
        if (i != 0) out += ',' + space();
        value(out, depth - 1);
        out += space();
      }
      out += ']';
    } else {
      object(out, depth);
    }
  }

  std::string placeholder(const naive::transform_input& in, bool documents) {
    std::vector<std::string> names = {"aws.events.rule-name", "aws.events.rule-arn", "aws.events.event.ingestion-time"};
    if (documents) names.insert(names.end(), {"aws.events.event", "aws.events.event.json"});
    for (int often = 0; often < 4; ++often)
      for (const auto& [name, path] : in.paths) names.push_back(name);
    return '<' + random_.pick(names) + '>';
  }

  /// What stands between the quotes of a string of a template.
  std::string content(const naive::transform_input& in, bool is_key) {
    std::string out;
    for (std::size_t n = random_.below(4); n-- > 0;) {
      if (!is_key && random_.percent(50)) {
        out += placeholder(in, false);
        continue;
      }
      for (const char c : written(random_.pick(texts_))) out += c == '<' ? std::string("\\u003c") : std::string(1, c);
    }
    return out;
  }

  void template_object(naive::transform_input& in, std::size_t depth, bool documents) {
    in.text += '{' + space();
    for (std::size_t n = random_.below(4), i = 0; i < n; ++i) {
      if (i != 0) in.text += ',' + space();
      in.text += '"' + content(in, true) + '"' + space() + ':' + space();
      template_value(in, depth - 1, documents);
      in.text += space();
    }
    in.text += '}';
  }

  void template_value(naive::transform_input& in, std::size_t depth, bool documents) {
    const std::size_t kind = random_.below(depth == 0 ? 4 : 6);
    if (kind < 2) {
      in.text += placeholder(in, documents);
    } else if (kind == 2) {
      in.text += '"' + content(in, false) + '"';
    } else if (kind == 3) {
      in.text += random_.pick(numbers_);
    } else if (kind == 4) {
      in.text += '[' + space();
      for (std::size_t n = random_.below(3), i = 0; i < n; ++i) {
        if (i != 0) in.text += ',';
        template_value(in, depth - 1, documents);
      }
      in.text += ']';
    } else {
      template_object(in, depth, documents);
    }
  }

  random_source& random_;
  std::vector<std::string> names_ = {"a", "b", "c", "detail", "id", "source", "detail-type", "resources"};
  std::vector<std::string> texts_ = {"",
                                     "x",
                                     "a b",
                                     "\"",
                                     "\\",
                                     "\n",
                                     "}",
                                     "]",
                                     "{\"",
                                     ",",
                                     ":",
                                     "< ",
                                     ">",
                                     "\\\"",
                                     "\x01",
                                     "é",
                                     "😀",
                                     "\\u",
                                     "long enough to pass sixteen bytes",
                                     "a"};
  std::vector<std::string> numbers_ = {"0", "-0", "1.50", "1E+2", "12345678901234567890.10", "-7e-3", "42"};
  std::vector<std::string> words_ = {"true", "false", "null"};
};

}  // namespace tests
