// file_target. Everything that is written goes through append, which is all or nothing for each delivery, and knows of three
// states of the file's end: whole lines; whole lines and then something of ours that could not be cut off, whose rest is
// `owed_`; and something of somebody else's without an end, to which a newline is owed.
#include "rulebus/targets/file.hpp"

#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_reader.hpp"

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace rulebus::inline v1 {

namespace detail::targets_file_source {

bool is_one_json_value(std::string_view text) {
  json_reader reader(text, text.size());
  for (;;) {
    const token t = reader.next();
    if (t == token::end || t == token::error) return t == token::end;
  }
}

/// Appends the lines that the input of a delivery makes.
void append_lines(std::string& out, std::string_view input) {
  if (input.ends_with('\n')) input.remove_suffix(1);
  if (input.find('\n') != std::string_view::npos && is_one_json_value(input)) {
    append_minified(out, input);
  } else {
    out += input;
  }
  out += '\n';
}

/// A file descriptor that closes itself.
class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace detail::targets_file_source

class file_target::impl {
 public:
  explicit impl(file_options o) : options_(std::move(o)) {}
  ~impl() {
    if (options_.sync_every > 0) static_cast<void>(sync());
  }

  /// Texts one after the other, and where each ends.
  struct lines {
    std::string text{};
    std::vector<std::size_t> ends{};
    void add(std::string_view input) {
      detail::targets_file_source::append_lines(text, input);
      ends.push_back(text.size());
    }
  };
  struct outcome {
    std::size_t written;  // of the lines, the first so many
    result<void> rest;    // why not all
  };
  outcome append(const lines& all);
  result<void> sync();
  result<void> reopen();

 private:
  using descriptor = detail::targets_file_source::descriptor;

  error failed(std::string_view what) const;  // by errno
  std::string name(unsigned n) const { return fmt::format("{}.{}", options_.path, n); }
  result<void> open();
  result<void> follow_path();
  result<void> pay();
  result<void> rotate();
  result<void> sync_file();
  result<void> sync_directory() const;
  std::size_t fitting(const lines& all, std::size_t from) const noexcept;
  outcome write(const lines& all, std::size_t from, std::size_t to);
  bool cut_off(std::uint64_t to, std::uint64_t end) noexcept;

  const file_options options_;
  std::mutex mutex_;
  // All of the following is guarded by mutex_.
  descriptor file_{};
  bool regular_ = false;
  std::uint64_t size_ = 0;    // as seen last
  std::string owed_{};        // to be written before anything else
  std::size_t unsynced_ = 0;  // deliveries
};

error file_target::impl::failed(std::string_view what) const {
  const int code = errno;
  return {errc::target_failed, fmt::format("{} cannot be {}: {}", options_.path, what, std::generic_category().message(code))};
}

// ---- the file

result<void> file_target::impl::open() {
  file_ = descriptor();
  owed_.clear();  // to that file; a new one has an end of its own
  descriptor made(::open(options_.path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                         static_cast<mode_t>(options_.permissions)));
  struct stat seen {};
  if (!made || ::fstat(made.get(), &seen) != 0) return failed("opened");
  if (S_ISFIFO(seen.st_mode) || S_ISSOCK(seen.st_mode)) {
    return error{errc::target_failed, options_.path + " cannot be opened: it is a pipe, not a file"};
  }
  regular_ = S_ISREG(seen.st_mode);
  size_ = static_cast<std::uint64_t>(seen.st_size);
  char last = '\n';
  if (regular_ && size_ > 0 && ::pread(made.get(), &last, 1, seen.st_size - 1) < 0) return failed("read");
  if (last != '\n') owed_ = "\n";
  if (options_.sync_every > 0) {
    if (result<void> synced = sync_directory(); !synced) return synced;
  }
  file_ = std::move(made);
  return {};
}

/// Opens the file if it is not open, or if its name is another's by now.
result<void> file_target::impl::follow_path() {
  struct stat by_name {
  }, ours{};
  if (file_) {
    if (!regular_) return {};
    if (::fstat(file_.get(), &ours) == 0 && ::stat(options_.path.c_str(), &by_name) == 0 && ours.st_ino == by_name.st_ino &&
        ours.st_dev == by_name.st_dev) {
      size_ = static_cast<std::uint64_t>(ours.st_size);
      return {};
    }
    static_cast<void>(pay());  // a last chance for a line that waits for its rest
    if (options_.sync_every > 0) static_cast<void>(sync_file());
  }
  return open();
}

/// Writes what is owed.
result<void> file_target::impl::pay() {
  while (!owed_.empty()) {
    const ssize_t n = ::write(file_.get(), owed_.data(), owed_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("written");
    size_ += static_cast<std::uint64_t>(n);
    owed_.erase(0, static_cast<std::size_t>(n));
  }
  return {};
}

/// Every step can be repeated: names are moved up to the first that is free, so that an attempt that got stuck half way, and
/// the next one, lose no file.
result<void> file_target::impl::rotate() {
  if (options_.sync_every > 0) {
    if (result<void> synced = sync_file(); !synced) return synced;
  }
  if (options_.keep == 0) {
    if (::unlink(options_.path.c_str()) != 0 && errno != ENOENT) return failed("rotated");
    return open();
  }
  unsigned last = 1;
  while (last < options_.keep && ::access(name(last).c_str(), F_OK) == 0) ++last;
  for (unsigned n = last; n > 1; --n) {
    if (::rename(name(n - 1).c_str(), name(n).c_str()) != 0) return failed("rotated");
  }
  if (::rename(options_.path.c_str(), name(1).c_str()) != 0) return failed("rotated");
  return open();
}

result<void> file_target::impl::sync_file() {
  if (regular_ && ::fdatasync(file_.get()) != 0) return failed("brought to the disk");
  unsynced_ = 0;
  return {};
}

/// A name is on the disk when its directory is.
result<void> file_target::impl::sync_directory() const {
  const std::size_t slash = options_.path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : options_.path.substr(0, slash + 1);
  const descriptor d(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (regular_ && (!d || ::fsync(d.get()) != 0)) return failed("brought to the disk with its directory");
  return {};
}

/// Makes the file end at `to` again, where what was written since, up to `end`, is ours alone.
bool file_target::impl::cut_off(std::uint64_t to, std::uint64_t end) noexcept {
  if (end == to) return true;
  struct stat seen {};
  if (!regular_ || ::fstat(file_.get(), &seen) != 0 || static_cast<std::uint64_t>(seen.st_size) != end) return false;
  if (::ftruncate(file_.get(), static_cast<off_t>(to)) != 0) return false;
  size_ = to;
  return true;
}

// ---- lines

/// Of the lines from `from` on, the end of those that go into the file as it is.
std::size_t file_target::impl::fitting(const lines& all, std::size_t from) const noexcept {
  if (options_.max_bytes == 0 || !regular_) return all.ends.size();
  const std::size_t begin = from == 0 ? 0 : all.ends[from - 1];
  std::size_t to = from;
  while (to < all.ends.size() && size_ + (all.ends[to] - begin) <= options_.max_bytes) ++to;
  return to == from && size_ == 0 ? from + 1 : to;
}

file_target::impl::outcome file_target::impl::append(const lines& all) {
  const std::lock_guard lock(mutex_);
  std::size_t done = 0;
  while (done < all.ends.size()) {
    result<void> ready = follow_path();
    if (ready) ready = pay();
    if (!ready) return {done, std::move(ready)};
    const std::size_t to = fitting(all, done);
    if (to == done) {
      if (result<void> rotated = rotate(); !rotated) return {done, std::move(rotated)};
      continue;
    }
    outcome o = write(all, done, to);
    done = o.written;
    if (!o.rest) return o;
  }
  return {done, {}};
}

file_target::impl::outcome file_target::impl::write(const lines& all, std::size_t from, std::size_t to) {
  const std::size_t begin = from == 0 ? 0 : all.ends[from - 1], end = all.ends[to - 1];
  const std::uint64_t before = size_;
  std::size_t at = begin;
  result<void> well;
  while (at < end && well) {
    const ssize_t n = ::write(file_.get(), all.text.data() + at, end - at);
    if (n >= 0) {
      at += static_cast<std::size_t>(n);
      size_ += static_cast<std::uint64_t>(n);
    } else if (errno != EINTR) {
      well = failed("written");
    }
  }
  if (well && options_.sync_every > 0 && (unsynced_ += to - from) >= options_.sync_every) well = sync_file();
  if (well) return {to, {}};
  if (cut_off(before, before + (at - begin))) return {from, std::move(well)};
  if (at == end) return {from, std::move(well)};  // all there, but perhaps not on the disk
  std::size_t whole = from;
  while (all.ends[whole] <= at) ++whole;
  const std::size_t whole_end = whole == 0 ? 0 : all.ends[whole - 1];
  if (at > whole_end) owed_ = all.text.substr(at, all.ends[whole] - at);
  return {options_.sync_every > 0 ? from : whole, std::move(well)};
}

result<void> file_target::impl::sync() {
  const std::lock_guard lock(mutex_);
  return file_ ? sync_file() : result<void>();
}

result<void> file_target::impl::reopen() {
  const std::lock_guard lock(mutex_);
  if (file_) {
    if (result<void> paid = pay(); !paid) return paid;
    if (options_.sync_every > 0) {
      if (result<void> synced = sync_file(); !synced) return synced;
    }
  }
  return open();
}

#else

namespace rulebus::inline v1 {

class file_target::impl {
 public:
  struct lines {
    std::vector<std::size_t> ends{};
    void add(std::string_view) { ends.push_back(0); }
  };
  struct outcome {
    std::size_t written;
    result<void> rest;
  };
  explicit impl(file_options) {}
  static outcome append(const lines&) { return {0, reopen()}; }
  static result<void> sync() { return {}; }
  static result<void> reopen() { return error{errc::unsupported, "file targets need a POSIX system"}; }
};

#endif

// ---- the target

file_target::file_target(std::unique_ptr<impl> i) : impl_(std::move(i)) {}
file_target::~file_target() = default;

result<std::shared_ptr<file_target>> file_target::open(file_options options) {
  if (options.path.empty()) return error{errc::invalid_argument, "path must not be empty"};
  if (options.path.find('\0') != std::string::npos) return error{errc::invalid_argument, "path must not have a null character"};
  if (options.keep > 10'000) return error{errc::invalid_argument, "keep must be 0 to 10000"};
  if (options.permissions > 0777) return error{errc::invalid_argument, "permissions must be 0 to 0777"};
  auto made = std::make_unique<impl>(std::move(options));
  if (result<void> opened = made->reopen(); !opened) return std::move(opened).error();
  return std::shared_ptr<file_target>(new file_target(std::move(made)));
}

void file_target::deliver(delivery d) {
  impl::lines one;
  one.add(d.input());
  impl::outcome o = impl_->append(one);
  if (o.written == 1) {
    d.succeed();
  } else {
    d.retry(std::move(o.rest).error());
  }
}

void file_target::deliver_batch(std::vector<delivery> batch) {
  impl::lines all;
  for (const delivery& d : batch) all.add(d.input());
  const impl::outcome o = impl_->append(all);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (i < o.written) {
      batch[i].succeed();
    } else {
      batch[i].retry(o.rest.error());
    }
  }
}

result<void> file_target::sync() { return impl_->sync(); }
result<void> file_target::reopen() { return impl_->reopen(); }

}  // namespace rulebus::inline v1
