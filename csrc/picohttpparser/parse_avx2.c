/* The parser with AVX2. */
#define _GNU_SOURCE /* memrchr */
#include "variants.h"

#if PHR_X86

#define PHR_TARGET_ATTRIBUTE __attribute__((target("avx2,bmi,bmi2")))
#define PHR_LEAST_INPUT 32
#include "scan_avx2.h"

#include "scan_x86.h"

#include "entry_points.h"

const struct phr_variant phr_variant_avx2 = PHR_VARIANT("avx2");

#endif
