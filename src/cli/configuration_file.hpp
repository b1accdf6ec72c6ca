// configuration_file: a configuration from a file, and what a service for the command line is made with.
#pragma once

#include <string>

#include "output.hpp"
#include "rulebus/configuration.hpp"
#include "rulebus/result.hpp"
#include "verbs.hpp"

namespace rulebus::cli {

/// Threads, account and region as asked for, the language as allowed; and what puts events waits where a queue is full.
service_options service_for(const pipeline_options& options, const common_options& common);

/// The text of the file. Throws failure.
std::string read_configuration_file(const std::string& path);

/// Shows an error of a configuration under its line, as lint does, on standard error.
void show_configuration_error(const std::string& path, std::string_view text, const error& e);

}  // namespace rulebus::cli
