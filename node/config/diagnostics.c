/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void diagnostics_init(struct diagnostics *d, const char *file)
{
	memset(d, 0, sizeof(*d));
	snprintf(d->file, sizeof(d->file), "%s", file);
}

void diagnostics_add(struct diagnostics *d, enum severity severity, unsigned int line,
		     unsigned int column, const char *fmt, ...)
{
	if (severity == SEVERITY_ERROR)
		d->errors++;
	else if (severity == SEVERITY_WARNING)
		d->warnings++;
	if (d->n == DIAGNOSTICS_MAX)
		return;
	struct diagnostic *entry = &d->list[d->n++];
	entry->severity = severity;
	entry->line = line;
	entry->column = column;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(entry->text, sizeof(entry->text), fmt, ap);
	va_end(ap);
}

const char *diagnostics_line(const struct diagnostics *d, size_t i, char out[DIAGNOSTIC_LINE_MAX])
{
	static const char *const names[] = {
		[SEVERITY_ERROR] = "error",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_NOTE] = "note",
	};
	const struct diagnostic *e = &d->list[i];
	char place[32] = "";
	if (e->line && e->column)
		snprintf(place, sizeof(place), "%u:%u:", e->line, e->column);
	else if (e->line)
		snprintf(place, sizeof(place), "%u:", e->line);
	snprintf(out, DIAGNOSTIC_LINE_MAX, "%s:%s %s: %s", d->file, place, names[e->severity],
		 e->text);
	return out;
}
