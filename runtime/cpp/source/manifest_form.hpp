// The form of a manifest's JSON, field by field, as export/contract/manifest.py and interface.py
// write it.

#pragma once

#include "json_form.hpp"

namespace framegauge {

const Form& manifest_form();

}  // namespace framegauge
