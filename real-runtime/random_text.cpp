#include "real-runtime/random_text.hpp"

#include "policies/core/assert.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <sys/random.h>
#include <vector>

namespace drydock::runtime {

std::string random_text(std::size_t bytes) {
  DRYDOCK_CHECK(bytes <= 256, "the system gives up to 256 random bytes at once");
  std::vector<unsigned char> random(bytes);
  ssize_t got = -1;
  do {
    got = ::getrandom(random.data(), random.size(), 0);
  } while (got < 0 && errno == EINTR);
  DRYDOCK_CHECK(got == static_cast<ssize_t>(bytes), "the system has random bytes");
  return fmt::format("{:02x}", fmt::join(random, ""));
}

bool equal_in_constant_time(const std::string& secret, const std::string& given) {
  volatile unsigned char different = secret.size() == given.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    different = static_cast<unsigned char>(different | static_cast<unsigned char>(expected ^ given[i]));
  }
  return different == 0;
}

}  // namespace drydock::runtime
