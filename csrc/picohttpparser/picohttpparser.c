/* The published functions. Their outputs are single values; the variants of the parser fill
 * structs. */
#include "picohttpparser.h"
#include "variants.h"

int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version,
                      struct phr_header *headers, size_t *num_headers, size_t last_len)
{
    struct phr_request_head head = {.fields = headers, .num_fields = *num_headers};
    int result = phr_best_variant()->request(buf, len, &head, last_len);

    *method = head.method;
    *method_len = head.method_len;
    *path = head.target;
    *path_len = head.target_len;
    *minor_version = head.minor_version;
    *num_headers = head.num_fields;
    return result;
}

int phr_parse_response(const char *buf, size_t len, int *minor_version, int *status,
                       const char **msg, size_t *msg_len, struct phr_header *headers,
                       size_t *num_headers, size_t last_len)
{
    struct phr_response_head head = {.fields = headers, .num_fields = *num_headers};
    int result = phr_best_variant()->response(buf, len, &head, last_len);

    *minor_version = head.minor_version;
    *status = head.status;
    *msg = head.reason;
    *msg_len = head.reason_len;
    *num_headers = head.num_fields;
    return result;
}

int phr_parse_headers(const char *buf, size_t len, struct phr_header *headers, size_t *num_headers,
                      size_t last_len)
{
    struct phr_field_list list = {.fields = headers, .num_fields = *num_headers};
    int result = phr_best_variant()->fields(buf, len, &list, last_len);

    *num_headers = list.num_fields;
    return result;
}
