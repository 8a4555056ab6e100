// From a packed file to a live one: the same pages under another identity, so that every ref stays
// what it is.
#pragma once

#include <string>

#include "core/status.h"

namespace rstore {

/// Copies (sharing blocks where the file system can), gives the copy a new uuid and a clean
/// checkpoint slot, and names it `to` in one step. kExists when that name is taken.
Status thawFile(const std::string& from, const std::string& to, uint32_t mode);

}  // namespace rstore
