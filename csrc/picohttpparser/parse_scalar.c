/* The parser without vectors. */
#define _GNU_SOURCE /* memrchr */
#include "variants.h"

#define PHR_TARGET_ATTRIBUTE
#define PHR_LEAST_INPUT 0
#include "scan_scalar.h"

#include "entry_points.h"

const struct phr_variant phr_variant_scalar = PHR_VARIANT("scalar");
