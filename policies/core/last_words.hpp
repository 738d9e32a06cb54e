// What is saved when a broken expectation (assert.hpp) ends the process.
#pragma once

#include <functional>

namespace drydock {

// While it lives, check_failed() calls `save` before it aborts: to write out what there is of a journal, for example. One at a time.
class LastWords {
 public:
  explicit LastWords(std::function<void()> save);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;
};

}  // namespace drydock
