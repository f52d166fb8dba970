/* One pass over the fields collects facts, one bit each. Then a table of combinations that are
 * refused turns the facts into a status to answer, or into a plan. */
#include "framing.h"
#include "base/decimal.h"
#include "target.h"
#include "token_list.h"
#include "transfer_coding.h"

enum fact {
    OLD_VERSION = 1 << 0, /* HTTP/1.0 */
    HOST = 1 << 1,
    EXPECT = 1 << 2,
    CONNECTION = 1 << 3,
    LENGTH = 1 << 4,
    CODING = 1 << 5,
    OTHER_EXPECTATION = 1 << 6,
    OTHER_CODING = 1 << 7, /* not only chunked */
    OVER_LIMIT = 1 << 8,
    CLOSE = 1 << 9,
    KEEP_ALIVE = 1 << 10,
    UPGRADE = 1 << 11,
    CONTENT_TYPE = 1 << 12
};

struct facts {
    unsigned seen; /* of enum fact */
    uint64_t content_length;
    const char *host;
    size_t host_len;
};

/* RFC 9110 section 7.2 */
static const char *read_host(struct facts *facts, const char *value, size_t len)
{
    facts->host = value;
    facts->host_len = len;
    return rhb_is_host(value, len) ? NULL : "Host is not a host";
}

/* RFC 9110 section 10.1.1 */
static const char *read_expect(struct facts *facts, const char *value, size_t len)
{
    if ((facts->seen & EXPECT) || !rhb_name_is(value, len, "100-continue"))
        facts->seen |= OTHER_EXPECTATION;
    return NULL;
}

/* RFC 9112 section 9.3. Unknown options are ignored. */
static const char *read_connection(struct facts *facts, const char *value, size_t len)
{
    struct rhb_token_list list = {.next = value, .end = value + len};
    while (rhb_token_next(&list)) {
        if (rhb_name_is(list.token, list.len, "close"))
            facts->seen |= CLOSE;
        else if (rhb_name_is(list.token, list.len, "keep-alive"))
            facts->seen |= KEEP_ALIVE;
        else if (rhb_name_is(list.token, list.len, "upgrade"))
            facts->seen |= UPGRADE;
    }
    return NULL;
}

/* RFC 9110 section 8.6 */
static const char *read_content_length(struct facts *facts, const char *value, size_t len)
{
    if (!rhb_decimal_read(value, len, INT64_MAX, &facts->content_length))
        return "Content-Length is not a number of bytes up to 2^63-1";
    return NULL;
}

/* RFC 9112 section 6.1 */
static const char *read_transfer_encoding(struct facts *facts, const char *value, size_t len)
{
    switch (rhb_transfer_coding(value, len)) {
    case RHB_CODING_CHUNKED:
        return NULL;
    case RHB_CODING_OTHER:
        facts->seen |= OTHER_CODING;
        return NULL;
    case RHB_CODING_BAD:
        break;
    }
    return "Transfer-Encoding is not a list of codings";
}

/* RFC 9110 section 8.3: a single value. It has no effect on framing, but two programs on the path
 * of the request could take two types for it. */
static const char *read_content_type(struct facts *facts, const char *value, size_t len)
{
    (void)facts, (void)value, (void)len;
    return NULL;
}

/* The fields that are read here. The index is the length of the name, which is different for
 * all of them, so one comparison finds a name. (Two rows with one length are a compiler warning,
 * and warnings are errors.) */
static const struct field_rule {
    const char *name;
    enum fact fact;
    const char *twice; /* why a second one is refused; NULL when it is not */
    const char *(*read)(struct facts *facts, const char *value, size_t len);
} field_rules[] = {
    [4] = {"host", HOST, "Host twice", read_host},
    [6] = {"expect", EXPECT, NULL, read_expect},
    [10] = {"connection", CONNECTION, NULL, read_connection},
    [12] = {"content-type", CONTENT_TYPE, "Content-Type twice", read_content_type},
    [14] = {"content-length", LENGTH, "Content-Length twice", read_content_length},
    [17] = {"transfer-encoding", CODING, "Transfer-Encoding twice", read_transfer_encoding},
};

/* Combinations that are refused; the first row that matches decides. */
static const struct refusal {
    unsigned present, absent; /* matches when all of the first and none of the second are seen */
    int status;
    const char *reason;
} refusals[] = {
    {0, HOST | OLD_VERSION, 400, "Host is missing"},
    {CODING | LENGTH, 0, 400, "Transfer-Encoding together with Content-Length"},
    {CODING | OLD_VERSION, 0, 400, "Transfer-Encoding on HTTP/1.0"},
    {OTHER_CODING, 0, 501, "Transfer-Encoding with a coding other than chunked"},
    {OTHER_EXPECTATION, OLD_VERSION, 417, "Expect other than 100-continue"},
    {OVER_LIMIT, 0, 413, "Content-Length beyond the limit"},
};

static const struct field_rule *rule_for(const struct phr_header *field)
{
    if (field->name_len >= sizeof(field_rules) / sizeof(field_rules[0]))
        return NULL;
    const struct field_rule *rule = &field_rules[field->name_len];
    if (rule->name == NULL || !rhb_same_name(field->name, rule->name, field->name_len))
        return NULL;
    return rule;
}

/* Returns why a field is refused, NULL when none is. */
static const char *read_fields(struct facts *facts, const struct phr_header *fields, size_t count)
{
    for (const struct phr_header *field = fields; field < fields + count; field++) {
        const struct field_rule *rule = rule_for(field);
        if (rule == NULL)
            continue;
        if (rule->twice != NULL && (facts->seen & rule->fact))
            return rule->twice;
        const char *bad = rule->read(facts, field->value, field->value_len);
        if (bad != NULL)
            return bad;
        facts->seen |= rule->fact;
    }
    return NULL;
}

static const struct refusal *refusal_for(unsigned seen)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if ((seen & refusals[i].present) == refusals[i].present && !(seen & refusals[i].absent))
            return &refusals[i];
    return NULL;
}

static void refuse(struct rhb_framing *plan, int status, const char *reason)
{
    *plan = (struct rhb_framing){.status = status, .reason = reason};
}

static void accept_request(struct rhb_framing *plan, const struct facts *facts)
{
    unsigned seen = facts->seen;
    *plan = (struct rhb_framing){
        .body = seen & CODING   ? RHB_BODY_CHUNKED
                : seen & LENGTH ? RHB_BODY_LENGTH
                                : RHB_BODY_NONE,
        .content_length = facts->content_length,
        .keep_alive = !(seen & CLOSE) && (!(seen & OLD_VERSION) || (seen & KEEP_ALIVE)),
        .host = facts->host,
        .host_len = facts->host_len,
    };
    bool has_content = plan->body == RHB_BODY_CHUNKED || plan->content_length > 0;
    plan->expect_continue = (seen & EXPECT) && !(seen & OLD_VERSION) && has_content;
    /* RFC 9110 section 7.8. Not with content, which would stand where the new protocol begins. */
    plan->upgrade = (seen & UPGRADE) && !(seen & OLD_VERSION) && !has_content;
}

void rhb_framing_plan(struct rhb_framing *plan, const struct phr_request_head *head,
                      uint64_t max_body)
{
    struct facts facts = {.seen = head->minor_version == 0 ? OLD_VERSION : 0};
    const char *bad = read_fields(&facts, head->fields, head->num_fields);
    if (bad != NULL) {
        refuse(plan, 400, bad);
        return;
    }
    if (max_body != 0 && facts.content_length > max_body)
        facts.seen |= OVER_LIMIT;
    const struct refusal *refusal = refusal_for(facts.seen);
    if (refusal != NULL) {
        refuse(plan, refusal->status, refusal->reason);
        return;
    }
    accept_request(plan, &facts);
}
