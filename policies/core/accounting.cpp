#include "policies/core/accounting.hpp"

namespace drydock {

RequestId Asker::counter(AskCounter ask) {
  ask.request = RequestId{++last_request_};
  commands_.emplace_back(ask);
  return ask.request;
}

RequestId Asker::sum() {
  const RequestId id{++last_request_};
  commands_.emplace_back(SumAllocations{id});
  return id;
}

}  // namespace drydock
