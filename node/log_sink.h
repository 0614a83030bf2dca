/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue's events into libqb's logger: stderr in the foreground, syslog
 * otherwise; rate limited. */
#ifndef HF_NODE_LOG_SINK_H
#define HF_NODE_LOG_SINK_H

#include <stdbool.h>

void log_sink_open(bool foreground, bool asa_style);
void log_sink_style(bool asa_style);
void log_sink_close(void);

#endif
