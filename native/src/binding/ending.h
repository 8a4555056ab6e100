// Node-API for threads that may be ended at any moment: every file includes it here, never from
// <napi.h>.
//
// A worker is ended by `terminate()`, by `process.exit()` in it, by an error that nobody catches.
// From that instant on, which may be in the middle of a call of ours, whatever could run JavaScript
// is refused: to read or set a property, to make a buffer, a function or a promise, to find the
// object behind `this`, to throw. What cannot run any (numbers, strings, references, the memory of
// a typed array, handle scopes) goes on to work. JavaScript itself runs on until the engine looks
// for interrupts the next time: it may get empty results from us and call us again. node-addon-api
// makes an exception of each refusal and ends the process when that cannot be thrown. So here its
// checks are replaced (`failedCall`). What follows from it:
//
// E1. A refused call gives an empty value, and so does every call on an empty value; nothing is
//     thrown, nothing aborts. Whoever takes memory, a number or a choice that others could see out
//     of such a value looks first whether it is there (`hasEnded`, a null pointer, IsEmpty).
// E2. THE LATCH. An environment that is ending never comes back, and the first refusal that our
//     code meets is noted in it (Environment::end). From then on no frequent call finds a handle,
//     and no method finds its object, because that is refused itself. So a call that has failed
//     without telling is the last one that had an effect. What needs neither is whole in itself:
//     the operations of a vector, and functions of the module, which take nothing but arguments.
// E3. Therefore a commit is all of its transaction or nothing. Commits come by a frequent call or
//     by a method: had any call of the transaction before it failed silently (the naming of the
//     list of pages, growing, a window), it would find no handle. It takes nothing more from
//     JavaScript but three integers and memory that was named before, so nothing of it can be
//     refused half way. Besides, a count that the list of pages cannot have is refused.
// E4. Background work is not begun when no promise can be made for it. When it ends, and when a
//     thread calls in, a refusal is passed over: there is nobody to tell. The worker, what its
//     function holds, and locks are freed as always; only the deferred of the promise, some bytes,
//     cannot be given back, for lack of such a call.
// E5. What the environment holds (locks, pins, slots, descriptors, threads) is given back by its
//     cleanup hook, which needs no JavaScript (environment.h). Finalizers, which may run behind it,
//     make no call that can be refused. Where the main thread exits at once, by `process.exit()` or
//     an error, there are no hooks: the kernel gives it back, and a commit under way is waited for
//     (work-thread.h).
#pragma once

#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
// The functions of the wrappers come further below, when their checks are ours.
#define SRC_NAPI_INL_H_
#include <napi.h>
#undef SRC_NAPI_INL_H_

#if !defined(NAPI_THROW_IF_FAILED) || !defined(NAPI_THROW_IF_FAILED_VOID)
#error "node-addon-api checks its calls in another way than before: see E1"
#endif

namespace rstore {

/// A call gave this environment (null: of an empty value) another status than napi_ok, just now.
/// Throws that, or, when no JavaScript can run any more, latches the environment.
void failedCall(napi_env env);

/// Throws an Error with this message, where that is possible.
void throwError(napi_env env, const char* message);

}  // namespace rstore

#undef NAPI_THROW_IF_FAILED
#define NAPI_THROW_IF_FAILED(env, status, ...) \
  if ((status) != napi_ok) {                   \
    ::rstore::failedCall(env);                 \
    return __VA_ARGS__;                        \
  }
#undef NAPI_THROW_IF_FAILED_VOID
#define NAPI_THROW_IF_FAILED_VOID(env, status) \
  if ((status) != napi_ok) {                   \
    ::rstore::failedCall(env);                 \
    return;                                    \
  }

#include <napi-inl.h>
