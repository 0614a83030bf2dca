/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parser has to say about a file: errors and warnings with their
 * place. Bounded: after DIAGNOSTICS_MAX entries only the counts go on. Values
 * of secrets never enter a message.
 */
#ifndef HF_NODE_CONFIG_DIAGNOSTICS_H
#define HF_NODE_CONFIG_DIAGNOSTICS_H

#include <stddef.h>

#define DIAGNOSTICS_MAX     64
#define DIAGNOSTIC_TEXT_MAX 320

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

struct diagnostic {
	enum severity severity;
	unsigned int line;   /* from 1; 0 when it is about the whole file */
	unsigned int column; /* from 1, in bytes; 0 when it is about the whole line */
	char text[DIAGNOSTIC_TEXT_MAX];
};

struct diagnostics {
	char file[256]; /* as given by the caller: "holdfast.conf" */
	struct diagnostic list[DIAGNOSTICS_MAX];
	size_t n;
	size_t errors; /* all, also those beyond the list */
	size_t warnings;
};

#define DIAGNOSTIC_LINE_MAX (DIAGNOSTIC_TEXT_MAX + 320)

void diagnostics_init(struct diagnostics *d, const char *file);
void diagnostics_add(struct diagnostics *d, enum severity severity, unsigned int line,
		     unsigned int column, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* "holdfast.conf:12:9: error: ..."; returns out. */
const char *diagnostics_line(const struct diagnostics *d, size_t i, char out[DIAGNOSTIC_LINE_MAX]);

#endif
