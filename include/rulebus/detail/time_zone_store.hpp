// time_zone_store: the zones of one database folder, read when they are asked for. time_zone::find asks the system's.
// Thread safety: all functions may be called from any thread. Lifetime: zones live as long as the store.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"
#include "rulebus/time_zone.hpp"

namespace rulebus::inline v1::detail {

class time_zone_store {
 public:
  /// The first of these folders that exists is the database; none need exist.
  RULEBUS_API explicit time_zone_store(std::vector<std::string> folders);

  /// As time_zone::find.
  RULEBUS_API result<const time_zone*> find(std::string_view name);
  /// As time_zone_database_version.
  RULEBUS_API result<std::string> version() const;
  /// Names of all zones of the database, sorted. Reads the whole folder.
  RULEBUS_API std::vector<std::string> names() const;

 private:
  error no_database() const;
  error unknown(std::string_view name) const;

  std::vector<std::string> folders_;
  std::string folder_{};  ///< the database, or empty
  std::mutex mutex_{};
  std::map<std::string, std::unique_ptr<const time_zone>, std::less<>> zones_{};
};

/// Where the system may have its database: TZDIR, or else the usual folders.
RULEBUS_API std::vector<std::string> time_zone_folders();

}  // namespace rulebus::inline v1::detail
