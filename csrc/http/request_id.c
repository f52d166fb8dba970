#include "request_id.h"
#include "base/clock.h"
#include "field_name.h"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BYTES = RHB_REQUEST_ID_MADE / 2 };

/* ---- of a proxy ---- */

static bool is_safe(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c != '\0' && strchr("-._~+/=:;@", c) != NULL);
}

bool rhb_is_request_id(const char *id, size_t len)
{
    if (len == 0 || len > RHB_REQUEST_ID_LONGEST)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_safe(id[i]))
            return false;
    return true;
}

bool rhb_request_id_find(const struct rhb_request_id_policy *policy, const struct rhb_peer *peer,
                         const struct phr_header *fields, size_t count, const char **id,
                         size_t *len)
{
    const struct phr_header *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (fields[i].name_len != policy->field_len ||
            !rhb_same_name(fields[i].name, policy->field, policy->field_len))
            continue;
        if (found != NULL)
            return false;
        found = &fields[i];
    }
    if (found == NULL || !rhb_is_request_id(found->value, found->value_len) ||
        !rhb_peer_is_allowed(policy->allowed, peer))
        return false;
    *id = found->value;
    *len = found->value_len;
    return true;
}

/* ---- made here ---- */

/* For a system that gives no random numbers: not to be guessed is lost then, to be unique is not.
 * The mixing is that of splitmix64. */
static void fill_without_kernel(struct rhb_request_id_pool *pool)
{
    uint64_t state = rhb_now_exact() ^ (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)pool;
    for (size_t i = 0; i < sizeof pool->bytes; i += sizeof state) {
        uint64_t mixed = state += UINT64_C(0x9e3779b97f4a7c15);
        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        mixed ^= mixed >> 31;
        memcpy(pool->bytes + i, &mixed, sizeof mixed);
    }
}

/* getrandom(2). glibc has a function for it since 2.25; manylinux2014 has 2.17. */
static ssize_t random_bytes(unsigned char *into, size_t size)
{
    return syscall(SYS_getrandom, into, size, 0);
}

static void fill(struct rhb_request_id_pool *pool)
{
    size_t have = 0;
    while (have < sizeof pool->bytes) {
        ssize_t got = random_bytes(pool->bytes + have, sizeof pool->bytes - have);
        if (got > 0)
            have += (size_t)got;
        else if (errno != EINTR)
            break;
    }
    if (have < sizeof pool->bytes)
        fill_without_kernel(pool);
    pool->left = sizeof pool->bytes;
}

void rhb_request_id_make(struct rhb_request_id_pool *pool, char *id)
{
    static const char hex[] = "0123456789abcdef";
    if (pool->left < BYTES)
        fill(pool);
    pool->left -= BYTES;
    for (size_t i = 0; i < BYTES; i++) {
        unsigned char byte = pool->bytes[pool->left + i];
        *id++ = hex[byte >> 4];
        *id++ = hex[byte & 15];
    }
}
