// file_target: appends what it is given to a file of JSON Lines: one line for each delivery.
//
//   auto log = rulebus::file_target::open({.path = "events.jsonl", .max_bytes = 100 << 20, .keep = 5}).value();
//   bus.put_target("all", {.id = "log", .target = log}).value();
//
// A delivery succeeds when its line is in the file, whole (and on the disk, by sync_every). What fails - a full disk, a quota,
// missing rights - is asked for again (delivery::retry) with the system's reason. There are no torn lines: what a failed write
// left behind is cut off again or, where that is impossible, completed before anything else is written. A line that somebody
// else left unfinished, a process that was killed for example, is ended first. As everywhere, retries may bring a line twice.
//
// Lines: a JSON value is one line, and is compacted where it is spread over several. Text (of a template) is written as the
// lines that it has. Nothing else is changed.
// Rotation: where a write would make the file longer than max_bytes, it becomes path.1, path.1 becomes path.2, and so on up to
// path.keep; what was that is gone. Only one process may rotate a file. One delivery is never divided.
// Others may move or remove the file (logrotate): that is seen before the next write, which goes to a new file of that name.
//
// Thread safety: all of it. One file_target should have the file for itself: what others append at the very moment in which a
// write of ours fails might be cut off with it.
// Where the system's limit on file sizes (RLIMIT_FSIZE) is in force, SIGXFSZ must be ignored, or it ends the process.
// Cost: two system calls a delivery, or a batch (delivery_options::batch). POSIX only: else open answers errc::unsupported.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"
#include "rulebus/target.hpp"

namespace rulebus::inline v1 {

struct file_options {
  std::string path{};           ///< a regular file, which is made if it is not there, or a device; readable and writable
  std::uint64_t max_bytes = 0;  ///< 0: it grows. A delivery that is longer has a file of its own.
  unsigned keep = 5;            ///< files besides the one that is written; 0: what is full is removed. At most 10,000
  /// When what was written is brought to the disk (fdatasync): 1: before a delivery, or a batch, succeeds. n: with every n-th
  /// delivery, so that a power failure may take up to n - 1 that had succeeded. 0: when the system sees fit.
  std::size_t sync_every = 0;
  unsigned permissions = 0644;  ///< of files that are made, less the process's umask
};

class file_target final : public target {
 public:
  /// Opens the file, so that a path that can never work is found out at once. Errors: errc::invalid_argument (an option out of
  /// range), errc::target_failed with the system's reason.
  RULEBUS_API static result<std::shared_ptr<file_target>> open(file_options options);
  RULEBUS_API ~file_target() override;  ///< with sync_every, what is not on the disk goes there

  RULEBUS_API void deliver(delivery d) override;
  /// One write for all, or one for each file where it rotates in between.
  RULEBUS_API void deliver_batch(std::vector<delivery> batch) override;

  /// Brings everything to the disk. Error: errc::target_failed.
  RULEBUS_API result<void> sync();
  /// Closes the file and opens the one that has its name now. Error: errc::target_failed; the next delivery tries again.
  RULEBUS_API result<void> reopen();

 private:
  class impl;
  explicit file_target(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

}  // namespace rulebus::inline v1
