/* The parser without vectors. */
#define _GNU_SOURCE /* memrchr */
#include "twins.h"

#define PHR_TARGET_ATTRIBUTE
#define PHR_LEAST_INPUT 0
#include "scan_scalar.h"

#include "entry_points.h"

const struct phr_twin phr_twin_scalar = PHR_TWIN("scalar");
