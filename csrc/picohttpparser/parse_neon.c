/* The parser with NEON, which every 64-bit ARM has. */
#define _GNU_SOURCE /* memrchr */
#include "variants.h"

#if PHR_NEON

#define PHR_TARGET_ATTRIBUTE
#define PHR_LEAST_INPUT 32
#include "scan_neon.h"

#include "scan_window.h"

#include "entry_points.h"

const struct phr_variant phr_variant_neon = PHR_VARIANT("neon");

#endif
