/* The parser with SSE4.2. */
#define _GNU_SOURCE /* memrchr */
#include "twins.h"

#if PHR_X86

#define PHR_TARGET_ATTRIBUTE __attribute__((target("sse4.2")))
#define PHR_LEAST_INPUT 32
#include "scan_sse42.h"

#include "scan_window.h"

#include "entry_points.h"

const struct phr_twin phr_twin_sse42 = PHR_TWIN("sse42");

#endif
