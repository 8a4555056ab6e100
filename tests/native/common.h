// Of the standard library what most of the core includes: compiled once for each set of flags, and
// put in front of every source (compile.ts).
#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>
