/* The parser with SSE4.2. */
#define _GNU_SOURCE /* memrchr */
#include "variants.h"

#if PHR_X86

#define PHR_TARGET_ATTRIBUTE __attribute__((target("sse4.2")))
#define PHR_LEAST_INPUT 32
#include "scan_sse42.h"

#include "scan_x86.h"

#include "entry_points.h"

const struct phr_variant phr_variant_sse42 = PHR_VARIANT("sse42");

#endif
