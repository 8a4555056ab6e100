// Maps the pages of the log that its writer is about to write, and unmaps those that it has written
// (log.h, G5), on a thread of its own: mapping costs a microsecond for each page, which is as much
// as a twentieth of what the small commits in that page take.
//
// M1. What is done here is invisible but for the time it takes. A page that is not mapped yet is
//     mapped by the fault of its writer; one that is unmapped while somebody writes to it after all
//     is mapped by the next fault, and nothing that was stored is lost: the memory is the system's
//     cache of the file. Hence nobody waits for this thread, except for its end.
// M2. The mapping outlives the thread: whoever unmaps calls `stop` before.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

#include "core/thread.h"

namespace rstore {

class LogMapper {
 public:
  LogMapper() = default;
  LogMapper(const LogMapper&) = delete;
  LogMapper& operator=(const LogMapper&) = delete;
  ~LogMapper() { stop(); }

  struct Step {
    std::byte* written;
    std::byte* next;  // null where only little will be written
  };

  /// The writer goes on from one segment to the next. Begins the thread at the first call; where
  /// none can be had, does the work itself.
  void goOn(const Step& step);
  /// The same at once, on this thread: for a writer that is as fast as the mapping.
  void goOnAtOnce(const Step& step);
  /// Ends the thread; what was asked for and not done yet is left undone.
  void stop();

 private:
  static void carryOut(const Step& step);
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Step> asked_;
  bool stopping_ = false;
  Thread thread_;
};

}  // namespace rstore
