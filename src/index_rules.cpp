// Compiling one rule into the index, and taking it out again.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "rulebus/detail/index_range.hpp"
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

/// The key of the entry that holds a condition that no look-up answers, unless rules are under it.
entry_key condition_key(const condition& c) {
  const auto caseless = [&c](key_kind kind) {
    return is_ascii(c.text) ? entry_key{kind, folded(c.text)} : entry_key{key_kind::lazy, dump_conditions({c})};
  };
  switch (c.kind) {
    case test_kind::prefix: return {key_kind::prefix, c.text};
    case test_kind::suffix: return {key_kind::suffix, c.text};
    case test_kind::caseless_equals: return caseless(key_kind::lower);
    case test_kind::caseless_prefix: return caseless(key_kind::lower_prefix);
    case test_kind::caseless_suffix: return caseless(key_kind::lower_suffix);
    case test_kind::cidr: return {key_kind::network, std::string(address_key(c.network.base, c.network.bits).view())};
    case test_kind::range: return {key_kind::range, std::string(range_key(closed(c.range)).view())};
    default: return {key_kind::lazy, dump_conditions({c})};
  }
}

/// Whether being found under the condition's candidate key is its whole answer.
bool is_whole_answer(const condition& c, const entry_key& candidate) {
  entry_key key{key_kind::lazy, {}};
  if (!answer_key(c, key)) key = condition_key(c);
  return candidate.kind == key.kind && candidate.bytes == key.bytes;
}

/// Whether the group is one field, or else one choice among such groups.
bool is_one_field(const group& g) {
  if (g.choices.empty()) return g.fields.size() == 1;
  const std::vector<group>& branches = g.choices.front().branches;
  return g.fields.empty() && g.choices.size() == 1 && std::all_of(branches.begin(), branches.end(), is_one_field);
}

/// How costly a key is apart from the rules under it: looking further, and being found in vain. Short pieces of text are
/// found often, and most of all where they may be anywhere.
std::uint64_t base_cost(key_kind kind, std::size_t size = 0) noexcept {
  switch (kind) {
    case key_kind::any_leaf: return 1000;
    case key_kind::lazy: return 50;
    case key_kind::range: return 8;
    case key_kind::infix: return size > 4 ? 9 : size > 2 ? 8 : size > 1 ? 16 : 32;
    default: return is_answer(kind) ? 1 : 4;
  }
}

/// How many of the ranges at the path hold a number that this one holds, too: those candidates come with it. Beyond `many`
/// it is half of all that there are.
std::uint64_t overlap(const path_node& node, const interval& bounds) {
  constexpr std::uint64_t many = 64;
  std::uint64_t found = 0;
  const double inside = bounds.low > -std::numeric_limits<double>::max() ? bounds.low : bounds.high;
  node.ranges.search(inside, [&found](const entry&) { return ++found < many; });
  return found < many ? found : std::max<std::uint64_t>(many, node.entry_count[static_cast<std::size_t>(key_kind::range)] / 2);
}

/// How often a rule under the key would be a candidate. What many rules ask for, many events have, as far as can be known.
std::uint64_t key_cost(const path_node& node, const entry_key& key) {
  std::uint64_t cost = base_cost(key.kind, key.bytes.size());
  if (key.kind == key_kind::range) cost += overlap(node, range_key::bounds(key.bytes));
  const entry* e = find_entry(node, key.kind, key.bytes);
  return cost + (e == nullptr ? 0 : e->uses);
}

/// The cheapest of: the literal text at the ends of a wildcard, and the pieces of what is between stars; `otherwise` when it
/// has no text. So wildcards with text in common are told apart by what they have not in common.
entry_key wildcard_key(const condition& c, const path_node& node, entry_key otherwise) {
  const auto& literals = c.pieces.literals;
  entry_key best = std::move(otherwise);
  std::uint64_t least = never;
  const auto consider = [&](entry_key key) {
    const std::uint64_t cost = key_cost(node, key);
    if (cost < least) best = std::move(key), least = cost;
  };
  if (!literals.front().empty()) consider({key_kind::prefix, literals.front()});
  if (!literals.back().empty()) consider({key_kind::suffix, literals.back()});
  // Every length that occurs costs each leaf a search: those beyond 4 only where shorter ones do not tell rules apart.
  for (const std::size_t length : infix_lengths) {
    if (length > 4 && least <= base_cost(key_kind::infix, length)) break;
    std::size_t tries = 32;
    for (std::size_t i = 1; i + 1 < literals.size(); ++i) {
      const std::string& text = literals[i];
      if (length < 4 && text.size() != length) continue;
      for (std::size_t at = 0; at + length <= text.size() && tries > 0; ++at, --tries) {
        consider({key_kind::infix, text.substr(at, length)});
      }
    }
  }
  return best;
}

/// A key that every leaf that passes the condition finds; the cheapest of those that there are.
entry_key candidate_key(const condition& c, const path_node& node) {
  entry_key key{key_kind::lazy, {}};
  if (answer_key(c, key)) return key;
  key = condition_key(c);
  if (key.kind != key_kind::lazy) return key;
  switch (c.kind) {
    case test_kind::caseless_equals: return {key_kind::folded, folded(c.text)};
    case test_kind::caseless_prefix: return {key_kind::folded_prefix, folded(c.text)};
    case test_kind::caseless_suffix: return {key_kind::folded_suffix, folded(c.text)};
    case test_kind::wildcard: return wildcard_key(c, node, std::move(key));
    case test_kind::all: {
      // Any one of the conditions will do, as all must hold. For one without a key the whole stands.
      entry_key best = key;
      std::uint64_t least = never;
      for (const condition& part : c.of) {
        entry_key other = candidate_key(part, node);
        const std::uint64_t cost = key_cost(node, other);
        if (cost < least) best = other.kind == key_kind::lazy ? key : std::move(other), least = cost;
      }
      return best;
    }
    default: return key;
  }
}

/// `e` is the condition's entry.
std::uint64_t cost(const path_node& node, const condition& c, const entry& e) {
  if (is_answer(e.kind)) return base_cost(e.kind) + e.uses;
  const std::uint64_t often = c.kind == test_kind::anything_but ? base_cost(key_kind::any_leaf) : 0;
  return often + key_cost(node, candidate_key(c, node));
}

template <class T>
std::size_t bytes_of(const std::vector<T>& v) noexcept {
  return v.size() * sizeof(T);
}

}  // namespace rules

void index_writer::draft::clear() {
  constexpr std::size_t small = 1024;
  if (entries.capacity() + lazy.capacity() + fields.capacity() + shape.capacity() + posts.capacity() > small) {
    *this = draft();
    return;
  }
  fields.clear();
  sources.clear();
  nodes.clear();
  entries.clear();
  first_entries.clear();
  conditions.clear();
  lazy.clear();
  shape.clear();
  by_path.clear();
  posts.clear();
  is_settled = false;
}

struct index_writer::selection {
  std::uint64_t cost = rules::never;
  std::vector<std::size_t> fields;
};

// ---- adding

void index_writer::add_rule(const pattern_tree& tree, rule_id id) {
  draft& d = draft_;
  d.clear();
  compile_group(tree.root, d);
  for (std::size_t i = 0; i < d.fields.size(); ++i) d.by_path.push_back(i);
  std::sort(d.by_path.begin(), d.by_path.end(),
            [&](std::size_t a, std::size_t b) { return utf16_less(d.sources[a]->path, d.sources[b]->path); });
  for (std::size_t i = 0; i < d.by_path.size(); ++i) d.fields[d.by_path[i]].order = static_cast<std::uint32_t>(i);

  std::size_t next_field = 0;
  const selection chosen = select(tree.root, d, next_field);
  d.is_settled = !chosen.fields.empty() && rules::is_one_field(tree.root);
  for (const std::size_t f : chosen.fields) choose_entries(f, d);
  for (path_node* node : d.nodes) node->settled += d.is_settled ? 1U : 0U;
  if (tree.root.choices.empty()) order_fields(d);

  // Several conditions may share an entry.
  std::sort(d.posts.begin(), d.posts.end(), [](const auto& a, const auto& b) { return a.under->id < b.under->id; });
  const auto same = [](const draft::post& a, const draft::post& b) { return a.under == b.under; };
  d.posts.erase(std::unique(d.posts.begin(), d.posts.end(), same), d.posts.end());

  rule_form::numbers count{static_cast<std::uint32_t>(d.fields.size()),
                           static_cast<std::uint32_t>(d.conditions.size()),
                           static_cast<std::uint32_t>(d.posts.size()),
                           static_cast<std::uint32_t>(d.shape.size()),
                           0,
                           0};
  count.is_always = chosen.cost == rules::never ? 1 : 0;
  for (const field* f : d.sources) count.uses_empty_step |= shows_empty_keys(f->path) ? 1U : 0U;
  compiled_rule* rule = make_rule(d, id, take_form(d, count));
  for (const draft::post& p : d.posts) {
    ++p.under->uses;
    if (p.under->rules.empty()) begin_search(*d.nodes[p.field], p.under);
    p.under->rules.insert(store_, rule);
  }
  if (count.is_always != 0) next_.always.insert(store_, rule);
  next_.empty_steps += count.uses_empty_step;
  next_.by_id.insert(store_, rule);
  ++next_.rules;
}

void index_writer::compile_group(const group& g, draft& d) {
  const std::size_t at = d.shape.size();
  d.shape.push_back(static_cast<std::uint32_t>(g.fields.size()));
  d.shape.push_back(static_cast<std::uint32_t>(g.choices.size()));
  d.shape.insert(d.shape.end(), {0, 0});
  const std::size_t first_field = d.fields.size();
  for (const auto& f : g.fields) open_field(*f, d);
  for (std::size_t i = 0; i < g.fields.size(); ++i) compile_field(first_field + i, d);
  for (const choice& c : g.choices) {
    d.shape.push_back(static_cast<std::uint32_t>(c.branches.size()));
    for (const group& branch : c.branches) compile_group(branch, d);
  }
  d.shape[at + 2] = static_cast<std::uint32_t>(d.shape.size() - at);
  d.shape[at + 3] = static_cast<std::uint32_t>(d.fields.size() - first_field);
}

/// Opens the field's path, and asks for the entries it will need: by the time they are compiled they may have come.
void index_writer::open_field(const field& f, draft& d) {
  path_node* node = &open_path(f.path);
  if (node->uses++ == 0) {
    node->name = store_.make<path_name>(f.path.size());
    std::memcpy(static_cast<void*>(node->name + 1), f.path.data(), f.path.size());
    node->name->size = static_cast<std::uint32_t>(f.path.size());
    node->name->id = node->path_id = paths_.take();
  }
  d.fields.push_back({node->name, node->path_id, 0, 0, 0, 0, 0});
  d.sources.push_back(&f);
  d.nodes.push_back(node);
  for (const condition& c : f.any_of) {
    if (c.kind == test_kind::string_equals) node->entries.prefetch_around(key_hash(key_kind::string, c.text));
  }
}

void index_writer::compile_field(std::size_t field, draft& d) {
  compiled_field& compiled = d.fields[field];
  compiled.first_condition = static_cast<std::uint32_t>(d.conditions.size());
  d.first_entries.push_back(d.entries.size());
  d.lazy.clear();
  for (const condition& c : d.sources[field]->any_of) {
    compiled_condition made{};
    if (c.kind == test_kind::absent) {
      compiled.or_absent = 1;
    } else {
      entry* const e = compile_condition(*d.nodes[field], c, made);
      d.entries.push_back(e);
      (is_answer(e->kind) ? d.conditions : d.lazy).push_back(made);
    }
  }
  std::sort(d.conditions.begin() + compiled.first_condition, d.conditions.end(),
            [](const auto& a, const auto& b) { return a.entry.id < b.entry.id; });
  compiled.answered = static_cast<std::uint32_t>(d.conditions.size()) - compiled.first_condition;
  d.conditions.insert(d.conditions.end(), d.lazy.begin(), d.lazy.end());
  compiled.condition_count = static_cast<std::uint32_t>(d.conditions.size()) - compiled.first_condition;
}

/// The entry that answers it, or else holds it.
entry* index_writer::compile_condition(path_node& node, const condition& c, compiled_condition& compiled) {
  entry_key key{key_kind::lazy, {}};
  const bool answered = rules::answer_key(c, key);
  if (!answered) key = rules::condition_key(c);
  entry* e = make_entry(node, key);
  ++e->uses;
  if (answered) {
    compiled.entry = {e->id, e->hash()};
    return e;
  }
  if (e->condition() == nullptr) {
    auto* lazy = store_.make<lazy_condition>();
    lazy->hash = e->hash();
    lazy->id = e->id;
    lazy->test = new condition(c);
    lazy->quick = quick_test(c);
    lazy->owns_memory = 1;
    e->condition() = lazy;
  }
  compiled.lazy = e->condition();
  return e;
}

/// The fields under whose entries the rule is a candidate least often: the cheapest of a group's fields and choices, where a
/// choice costs all of its branches.
index_writer::selection index_writer::select(const group& g, const draft& d, std::size_t& next_field) const {
  selection best;
  for (const auto& f : g.fields) {
    const std::size_t at = next_field++;
    if (d.fields[at].or_absent != 0) continue;
    std::uint64_t total = 0;
    entry* const* e = &d.entries[d.first_entries[at]];
    for (const condition& c : f->any_of) total = rules::sum(total, rules::cost(*d.nodes[at], c, **e++));
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

/// Makes ready the entries that are to make the rule a candidate.
void index_writer::choose_entries(std::size_t field, draft& d) {
  path_node& node = *d.nodes[field];
  std::size_t at = d.first_entries[field];
  for (const condition& c : d.sources[field]->any_of) {
    entry* const own = d.entries[at++];
    if (is_answer(own->kind)) {
      d.posts.push_back({field, own});
      continue;
    }
    const entry_key key = rules::candidate_key(c, node);
    d.is_settled = d.is_settled && rules::is_whole_answer(c, key);
    d.posts.push_back({field, make_entry(node, key)});
  }
}

/// Of a rule without choices. Puts first what is likeliest to fail: a field of a path with many values; and last the one that
/// makes the rule a candidate, for it has been found. Numbers of values count by powers of two, so that few orders arise: each
/// is a form of its own.
void index_writer::order_fields(draft& d) {
  const std::size_t fields = d.fields.size();
  if (fields < 2) return;
  // Without choices all posts are of one field.
  const std::size_t found = d.posts.empty() ? fields : d.posts.front().field;
  const auto likelihood = [&d, found](std::size_t f) {
    return f == found ? SIZE_MAX : 64 - static_cast<std::size_t>(std::bit_width(d.nodes[f]->entries.size()));
  };
  d.by_doubt.clear();
  for (std::size_t f = 0; f < fields; ++f) d.by_doubt.emplace_back(likelihood(f), f);
  std::sort(d.by_doubt.begin(), d.by_doubt.end());
  d.place.resize(fields);
  for (std::size_t i = 0; i < fields; ++i) d.place[d.by_doubt[i].second] = i;
  for (draft::post& p : d.posts) p.field = d.place[p.field];
  for (std::size_t f = 0; f < fields; ++f) {
    for (std::size_t to = d.place[f]; to != f; to = d.place[f]) {
      std::swap(d.fields[f], d.fields[to]);
      std::swap(d.nodes[f], d.nodes[to]);
      std::swap(d.place[f], d.place[to]);
    }
  }
}

/// The form with those numbers and the draft's fields and shape, made if need be; counts the use.
const rule_form* index_writer::take_form(const draft& d, const rule_form::numbers& count) {
  const std::size_t fields = rules::bytes_of(d.fields), shape = rules::bytes_of(d.shape);
  const auto hash = static_cast<std::uint32_t>(
      hash_bytes({reinterpret_cast<const char*>(d.fields.data()), fields}, 2) ^
      hash_bytes({reinterpret_cast<const char*>(d.shape.data()), shape}, d.conditions.size() + d.posts.size()));
  form_entry* existing = next_.forms.find(hash, [&](const form_entry& e) {
    const rule_form& f = *e.form;
    return f.count == count && std::memcmp(f.fields(), d.fields.data(), fields) == 0 &&
           std::memcmp(f.shape(), d.shape.data(), shape) == 0;
  });
  if (existing != nullptr) {
    existing = open_form(existing);
    ++existing->uses;
    return existing->form;
  }
  auto* form = store_.make<rule_form>(fields + shape);
  form->count = count;
  std::memcpy(static_cast<void*>(form + 1), d.fields.data(), fields);
  std::memcpy(reinterpret_cast<char*>(form + 1) + fields, d.shape.data(), shape);
  auto* made = store_.make<form_entry>();
  made->hash = form->hash = hash;
  made->uses = 1;
  made->form = form;
  next_.forms.insert(store_, made);
  return form;
}

form_entry* index_writer::open_form(form_entry* existing) {
  if (store_.is_fresh(existing)) return existing;
  auto* copy = store_.make<form_entry>();
  copy->hash = existing->hash;
  copy->uses = existing->uses;
  copy->form = existing->form;
  next_.forms.replace(store_, existing, copy);
  store_.retire(existing);
  return copy;
}

void index_writer::release_form(const rule_form& form) {
  form_entry* e = open_form(next_.forms.find(form.hash, [&](const form_entry& x) { return x.form == &form; }));
  if (--e->uses != 0) return;
  next_.forms.erase(store_, e);
  store_.retire(e->form);
  store_.retire(e);
}

/// A rule that is the first under its only entry stands beside it. A reader that finds one of very many entries waits for that
/// memory; with the rule elsewhere it would wait twice (100,000 rules: a quarter of the time of an event).
compiled_rule* index_writer::make_beside_entry(draft& d, std::size_t values) {
  draft::post& p = d.posts[0];
  path_node& node = *d.nodes[p.field];
  entry* const alone = p.under;
  if (!store_.is_fresh(alone) || !alone->rules.empty() || alone == node.any_leaf) return store_.make<compiled_rule>(values);
  const auto [moved, rule] = store_.make_pair<entry, compiled_rule>(alone->bytes() - sizeof(entry), values);
  moved->copy_contents(*alone);
  node.entries.replace(store_, alone, moved);
  store_.retire(alone);
  p.under = moved;
  return rule;
}

compiled_rule* index_writer::make_rule(draft& d, rule_id id, const rule_form* form) {
  const std::size_t conditions = rules::bytes_of(d.conditions);
  const std::size_t values = conditions + d.posts.size() * sizeof(posting);
  compiled_rule* const rule = d.posts.size() == 1 ? make_beside_entry(d, values) : store_.make<compiled_rule>(values);
  rule->id = id;
  rule->form = form;
  rule->is_settled = d.is_settled ? 1 : 0;
  if (d.posts.size() > 1) rule->slot = slots_.take();
  if (conditions != 0) std::memcpy(static_cast<void*>(rule + 1), d.conditions.data(), conditions);
  auto* to = reinterpret_cast<posting*>(reinterpret_cast<char*>(rule + 1) + conditions);
  for (const draft::post& p : d.posts) *to++ = {static_cast<std::uint32_t>(p.field), p.under->hash(), p.under->id};
  return rule;
}

// ---- removing

void index_writer::remove_rule(compiled_rule& rule) {
  next_.by_id.erase(store_, &rule);
  if (rule.form->count.is_always != 0) next_.always.erase(store_, &rule);
  withdraw_postings(rule);
  release_conditions(rule);
  next_.empty_steps -= rule.form->count.uses_empty_step;
  --next_.rules;
  if (rule.slot != compiled_rule::no_slot) slots_.give(rule.slot);
  release_form(*rule.form);
  store_.retire(&rule);
}

void index_writer::withdraw_postings(compiled_rule& rule) {
  for (std::uint32_t i = 0; i < rule.form->count.postings; ++i) {
    const posting& p = rule.postings()[i];
    path_node& node = open_path(rule.form->fields()[p.field].path->text());
    entry* e = open_entry(node, node.entries.find(p.entry_hash, [&](const entry& x) { return x.id == p.entry_id; }));
    e->rules.erase(store_, &rule);
    if (e->rules.empty()) end_search(node, e);
    --e->uses;
    close_entry(node, e);
  }
}

void index_writer::release_conditions(const compiled_rule& rule) {
  for (std::uint32_t i = 0; i < rule.form->count.fields; ++i) {
    const compiled_field& f = rule.form->fields()[i];
    path_node& node = open_path(f.path->text());
    for (std::uint32_t k = 0; k < f.condition_count; ++k) {
      const compiled_condition& c = rule.conditions()[f.first_condition + k];
      const bool lazy = k >= f.answered;
      const std::uint32_t hash = lazy ? c.lazy->hash : c.entry.hash, id = lazy ? c.lazy->id : c.entry.id;
      entry* e = open_entry(node, node.entries.find(hash, [&](const entry& x) { return x.id == id; }));
      --e->uses;
      close_entry(node, e);
    }
    node.settled -= rule.is_settled;
    if (--node.uses == 0) {
      paths_.give(node.name->id);
      store_.retire(node.name);
      node.name = nullptr;
    }
    close_path();
  }
}

}  // namespace rulebus::inline v1::detail
