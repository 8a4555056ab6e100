// From a packed file to a live one: the same pages under another identity, so that every ref stays
// what it is.
#pragma once

#include <string>

#include "core/copy-progress.h"
#include "core/status.h"

namespace rstore {

/// Copies (sharing blocks where the file system can), gives the copy a new uuid and a clean
/// checkpoint slot, and names it `to` in one step. kExists when that name is taken,
/// kUnderWay when somebody else is just thawing to it. `*root`: of the very file that was copied.
/// Whoever may read the packed file may read and write the copy, less the umask.
Status thawFile(const std::string& from, const std::string& to, CopyProgress* progress,
                uint32_t* root);

}  // namespace rstore
