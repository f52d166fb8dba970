#include "connection.h"
#include "base/live.h"
#include <stdlib.h>

void rhb_conn_drop_incoming(struct rhb_conn *conn)
{
    if (conn->incoming == NULL)
        return;
    rhb_body_free(&conn->incoming->body);
    free(conn->incoming);
    conn->incoming = NULL;
    conn->expected = RHB_EXPECT_HEAD;
    RHB_LIVE_DEAD(RHB_LIVE_INCOMING);
}
