// Compiling one rule into the index, and taking it out again.
#include <algorithm>
#include <cstring>

#include "rulebus/detail/index_writer.hpp"

namespace rulebus::inline v1::detail {

namespace rules {

constexpr std::uint64_t never = UINT64_MAX;  // the cost of what cannot make a rule a candidate

std::uint64_t sum(std::uint64_t a, std::uint64_t b) noexcept { return a > never - b ? never : a + b; }

/// The key of the entry that answers a condition, if one can.
bool answer_key(const condition& c, entry_key& key) {
  switch (c.kind) {
    case test_kind::string_equals: key = {key_kind::string, c.text}; return true;
    case test_kind::number_text: key = {key_kind::number_text, c.text}; return true;
    case test_kind::number_equals:
      key = {key_kind::number, std::string(number_key(normal_form(c.text).value()).view())};
      return true;
    case test_kind::ip_equals: key = {key_kind::ip, std::string(address_key(c.ip).view())}; return true;
    case test_kind::true_value: key = {key_kind::literal, std::string(literal_key(leaf_type::true_value))}; return true;
    case test_kind::false_value: key = {key_kind::literal, std::string(literal_key(leaf_type::false_value))}; return true;
    case test_kind::null_value: key = {key_kind::literal, std::string(literal_key(leaf_type::null_value))}; return true;
    case test_kind::exists: key = {key_kind::any_leaf, {}}; return true;
    default: return false;
  }
}

std::string folded(std::string_view text) {
  std::string out;
  append_folded(text, out);
  return out;
}

/// The literal text at an end of a wildcard; `otherwise` when there are stars at both.
entry_key wildcard_key(const condition& c, entry_key otherwise) {
  const auto& literals = c.pieces.literals;
  if (!literals.front().empty()) return {key_kind::prefix, literals.front()};
  if (!literals.back().empty()) return {key_kind::suffix, literals.back()};
  return otherwise;
}

/// A key that every leaf that passes the condition finds.
entry_key candidate_key(const condition& c) {
  entry_key key{key_kind::lazy, {}};
  if (answer_key(c, key)) return key;
  key = {key_kind::lazy, dump_conditions({c})};
  switch (c.kind) {
    case test_kind::prefix: return {key_kind::prefix, c.text};
    case test_kind::suffix: return {key_kind::suffix, c.text};
    case test_kind::caseless_equals: return {key_kind::folded, folded(c.text)};
    case test_kind::caseless_prefix: return {key_kind::folded_prefix, folded(c.text)};
    case test_kind::caseless_suffix: return {key_kind::folded_suffix, folded(c.text)};
    case test_kind::cidr: return {key_kind::network, std::string(address_key(c.network.base, c.network.bits).view())};
    case test_kind::wildcard: return wildcard_key(c, std::move(key));
    case test_kind::anything_but: return {key_kind::any_leaf, {}};
    case test_kind::all: {
      // Any one of the conditions will do, as all must hold; an exact one is best.
      std::vector<entry_key> keys;
      for (const condition& part : c.of) keys.push_back(candidate_key(part));
      const auto rank = [](const entry_key& k) {
        return k.kind == key_kind::any_leaf ? key_kinds : static_cast<std::size_t>(k.kind);
      };
      auto best = std::min_element(keys.begin(), keys.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
      return best->kind == key_kind::lazy ? key : *best;
    }
    default: return key;
  }
}

/// How costly a key is apart from the rules under it: looking further, and being found in vain.
std::uint64_t base_cost(key_kind kind) noexcept {
  if (kind == key_kind::any_leaf) return 1000;
  if (kind == key_kind::lazy) return 50;
  return is_answer(kind) ? 1 : 4;
}

}  // namespace rules

struct index_writer::draft {
  std::vector<compiled_field> fields;
  std::vector<const field*> sources;
  std::vector<path_node*> nodes;
  std::vector<compiled_condition> conditions;
  std::vector<std::uint32_t> shape;
  struct post {
    path_node* node;
    entry* under;
  };
  std::vector<post> posts;
};

struct index_writer::selection {
  std::uint64_t cost = rules::never;
  std::vector<std::size_t> fields;
};

// ---- adding

void index_writer::add_rule(const pattern_tree& tree, rule_id id) {
  draft d;
  compile_group(tree.root, d);
  std::vector<std::size_t> by_path(d.fields.size());
  for (std::size_t i = 0; i < by_path.size(); ++i) by_path[i] = i;
  std::sort(by_path.begin(), by_path.end(),
            [&](std::size_t a, std::size_t b) { return utf16_less(d.sources[a]->path, d.sources[b]->path); });
  for (std::size_t i = 0; i < by_path.size(); ++i) d.fields[by_path[i]].order = static_cast<std::uint32_t>(i);

  std::size_t next_field = 0;
  const selection chosen = select(tree.root, d, next_field);
  for (const std::size_t f : chosen.fields) choose_entries(*d.sources[f], *d.nodes[f], d);

  // Several conditions may share an entry.
  std::sort(d.posts.begin(), d.posts.end(), [](const auto& a, const auto& b) { return a.under->id < b.under->id; });
  const auto same = [](const draft::post& a, const draft::post& b) { return a.under == b.under; };
  d.posts.erase(std::unique(d.posts.begin(), d.posts.end(), same), d.posts.end());

  compiled_rule* rule = make_rule(d, id);
  for (const draft::post& p : d.posts) {
    ++p.under->uses;
    p.under->rules.insert(store_, rule);
    if (p.under->posted++ == 0 && p.under->kind == key_kind::lazy) p.node->scans.insert(store_, p.under);
  }
  if (chosen.cost == rules::never) {
    rule->is_always = 1;
    next_.always.insert(store_, rule);
  }
  for (const field* f : d.sources) rule->uses_empty_step |= shows_empty_keys(f->path) ? 1U : 0U;
  next_.empty_steps += rule->uses_empty_step;
  next_.by_id.insert(store_, rule);
  ++next_.rules;
}

void index_writer::compile_group(const group& g, draft& d) {
  const std::size_t at = d.shape.size();
  d.shape.push_back(static_cast<std::uint32_t>(g.fields.size()));
  d.shape.push_back(static_cast<std::uint32_t>(g.choices.size()));
  d.shape.insert(d.shape.end(), {0, 0});
  const std::size_t first_field = d.fields.size();
  for (const auto& f : g.fields) compile_field(*f, d);
  for (const choice& c : g.choices) {
    d.shape.push_back(static_cast<std::uint32_t>(c.branches.size()));
    for (const group& branch : c.branches) compile_group(branch, d);
  }
  d.shape[at + 2] = static_cast<std::uint32_t>(d.shape.size() - at);
  d.shape[at + 3] = static_cast<std::uint32_t>(d.fields.size() - first_field);
}

void index_writer::compile_field(const field& f, draft& d) {
  path_node* node = open_path(f.path).back();
  if (node->uses++ == 0) {
    node->name = store_.make<path_name>(f.path.size());
    std::memcpy(static_cast<void*>(node->name + 1), f.path.data(), f.path.size());
    node->name->size = static_cast<std::uint32_t>(f.path.size());
    node->name->id = paths_.take();
  }
  compiled_field compiled{node->name, static_cast<std::uint32_t>(d.conditions.size()), 0, 0, 0, 0};
  for (const condition& c : f.any_of) {
    if (c.kind == test_kind::absent) {
      compiled.or_absent = 1;
    } else {
      d.conditions.push_back(compile_condition(*node, c));
      ++compiled.condition_count;
    }
  }
  const auto first = d.conditions.begin() + compiled.first_condition;
  const auto lazy = std::partition(first, d.conditions.end(), [](const compiled_condition& c) { return !c.is_lazy(); });
  std::sort(first, lazy, [](const auto& a, const auto& b) { return a.id < b.id; });
  compiled.answered = static_cast<std::uint32_t>(lazy - first);
  d.fields.push_back(compiled);
  d.sources.push_back(&f);
  d.nodes.push_back(node);
}

compiled_condition index_writer::compile_condition(path_node& node, const condition& c) {
  entry_key key{key_kind::lazy, {}};
  const bool answered = rules::answer_key(c, key);
  if (!answered) key.bytes = dump_conditions({c});
  entry* e = make_entry(node, key);
  ++e->uses;
  compiled_condition compiled{};
  compiled.id = e->id;
  if (answered) {
    compiled.kind = static_cast<std::uint32_t>(key.kind);
    compiled.entry_hash = e->hash;
    return compiled;
  }
  if (e->condition == nullptr) {
    auto* lazy = store_.make<lazy_condition>();
    lazy->hash = e->hash;
    lazy->id = e->id;
    lazy->test = new condition(c);
    lazy->owns_memory = 1;
    e->condition = lazy;
  }
  compiled.kind = compiled_condition::not_answered;
  compiled.lazy = e->condition;
  return compiled;
}

/// The fields under whose entries the rule is a candidate least often: the cheapest of a group's fields and choices, where a
/// choice costs all of its branches.
index_writer::selection index_writer::select(const group& g, const draft& d, std::size_t& next_field) const {
  selection best;
  for (const auto& f : g.fields) {
    const std::size_t at = next_field++;
    if (d.fields[at].or_absent != 0) continue;
    std::uint64_t total = 0;
    for (const condition& c : f->any_of) total = rules::sum(total, cost(f->path, c));
    if (total < best.cost) best = {total, {at}};
  }
  for (const choice& c : g.choices) {
    selection all{0, {}};
    for (const group& branch : c.branches) {
      const selection one = select(branch, d, next_field);
      all.cost = rules::sum(all.cost, one.cost);
      all.fields.insert(all.fields.end(), one.fields.begin(), one.fields.end());
    }
    if (all.cost < best.cost) best = std::move(all);
  }
  return best;
}

std::uint64_t index_writer::cost(std::string_view path, const condition& c) const {
  const entry_key key = rules::candidate_key(c);
  const path_node* node = next_.paths->descendant(path);
  const entry* e = node == nullptr ? nullptr : find_entry(*node, key.kind, key.bytes);
  return rules::base_cost(key.kind) + (e == nullptr ? 0 : e->posted);
}

/// Makes ready the entries that are to make the rule a candidate.
void index_writer::choose_entries(const field& f, path_node& node, draft& d) {
  for (const condition& c : f.any_of) d.posts.push_back({&node, make_entry(node, rules::candidate_key(c))});
}

compiled_rule* index_writer::make_rule(const draft& d, rule_id id) {
  const auto size_of = [](const auto& v) { return v.size() * sizeof(v[0]); };
  std::vector<posting> postings;
  for (const draft::post& p : d.posts) postings.push_back({p.node->name, p.under->hash, p.under->id});
  auto* rule = store_.make<compiled_rule>(size_of(d.fields) + size_of(d.conditions) + size_of(postings) + size_of(d.shape));
  rule->hash = rule_hash(id);
  rule->id = id;
  rule->slot = slots_.take();
  rule->field_count = static_cast<std::uint32_t>(d.fields.size());
  rule->condition_count = static_cast<std::uint32_t>(d.conditions.size());
  rule->posting_count = static_cast<std::uint32_t>(postings.size());
  rule->shape_count = static_cast<std::uint32_t>(d.shape.size());
  char* at = reinterpret_cast<char*>(rule + 1);
  const auto append = [&at, size_of](const auto& v) {
    if (!v.empty()) std::memcpy(at, v.data(), size_of(v));
    at += size_of(v);
  };
  append(d.fields);
  append(d.conditions);
  append(postings);
  append(d.shape);
  return rule;
}

// ---- removing

void index_writer::remove_rule(compiled_rule& rule) {
  next_.by_id.erase(store_, &rule);
  if (rule.is_always != 0) next_.always.erase(store_, &rule);
  withdraw_postings(rule);
  release_conditions(rule);
  next_.empty_steps -= rule.uses_empty_step;
  --next_.rules;
  slots_.give(rule.slot);
  store_.retire(&rule);
}

void index_writer::withdraw_postings(compiled_rule& rule) {
  for (std::uint32_t i = 0; i < rule.posting_count; ++i) {
    const posting& p = rule.postings()[i];
    path_node& node = *open_path(p.path->text()).back();
    entry* e = open_entry(node, node.entries.find(p.entry_hash, [&](const entry& x) { return x.id == p.entry_id; }));
    e->rules.erase(store_, &rule);
    if (--e->posted == 0 && e->kind == key_kind::lazy) node.scans.erase(store_, e);
    --e->uses;
    close_entry(node, e);
  }
}

void index_writer::release_conditions(const compiled_rule& rule) {
  for (std::uint32_t i = 0; i < rule.field_count; ++i) {
    const compiled_field& f = rule.fields()[i];
    std::vector<path_node*> nodes = open_path(f.path->text());
    path_node& node = *nodes.back();
    for (std::uint32_t k = 0; k < f.condition_count; ++k) {
      const compiled_condition& c = rule.conditions()[f.first_condition + k];
      const std::uint64_t hash = c.is_lazy() ? c.lazy->hash : c.entry_hash;
      entry* e = open_entry(node, node.entries.find(hash, [&](const entry& x) { return x.id == c.id; }));
      --e->uses;
      close_entry(node, e);
    }
    if (--node.uses == 0) {
      paths_.give(node.name->id);
      store_.retire(node.name);
      node.name = nullptr;
    }
    close_path(nodes);
  }
}

}  // namespace rulebus::inline v1::detail
