// SPDX-License-Identifier: GPL-2.0-only
/*
 * check: is this machine ready?
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "command.h"
#include "json.h"
#include "memory.h"
#include "say.h"

#define TEXT_MAX 512

void t1x_found(struct t1x_findings *findings, enum t1x_result result,
	       const char *what, const char *todo, const char *fmt, ...)
{
	struct t1x_finding *finding;
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	findings->item =
		t1x_grow(findings->item, findings->n, sizeof(*finding));
	finding = &findings->item[findings->n++];
	finding->result = result;
	finding->what = t1x_copy(what);
	finding->text = t1x_copy(text);
	finding->todo = todo ? t1x_copy(todo) : NULL;
}

static size_t count(const struct t1x_findings *findings, enum t1x_result result)
{
	size_t i, n = 0;

	for (i = 0; i < findings->n; i++)
		n += findings->item[i].result == result;
	return n;
}

static void print(const struct t1x_findings *findings)
{
	static const char *const words[] = { "ok", "warn", "FAIL" };
	size_t warnings = count(findings, T1X_WARNING);
	size_t missing = count(findings, T1X_MISSING);
	size_t i;

	for (i = 0; i < findings->n; i++) {
		const struct t1x_finding *finding = &findings->item[i];

		char *line = t1x_format("%s: %s", finding->what, finding->text);

		t1x_wrap(0, words[finding->result], line);
		if (finding->todo)
			t1x_wrap(6, "do", finding->todo);
		free(line);
	}
	printf("\n%s: %zu to mend, %s\n", missing ? "not ready" : "ready",
	       missing, t1x_plural(warnings, "warning"));
}

static void print_json(const struct t1x_findings *findings)
{
	static const char *const words[] = { "ok", "warning", "fail" };
	size_t i;

	t1x_json_object(NULL);
	t1x_json_bool("ready", !count(findings, T1X_MISSING));
	t1x_json_array("checks");
	for (i = 0; i < findings->n; i++) {
		const struct t1x_finding *finding = &findings->item[i];

		t1x_json_object(NULL);
		t1x_json_string("what", finding->what);
		t1x_json_string("result", words[finding->result]);
		t1x_json_string("text", finding->text);
		t1x_json_string("do", finding->todo);
		t1x_json_end();
	}
	t1x_json_end();
	t1x_json_end();
}

static void findings_free(struct t1x_findings *findings)
{
	while (findings->n--) {
		free(findings->item[findings->n].what);
		free(findings->item[findings->n].text);
		free(findings->item[findings->n].todo);
	}
	free(findings->item);
}

int t1x_check(int argc, char **argv)
{
	struct t1x_findings findings = {};
	struct t1x_args args;
	int ret;

	if (t1x_args_parse(argc, argv, T1X_NO_ID, &args))
		return T1X_FAILED;
	t1x_check_iommu(&findings);
	t1x_check_modules(&findings);
	t1x_check_memory(&findings);
	if (args.json)
		print_json(&findings);
	else
		print(&findings);
	ret = count(&findings, T1X_MISSING) ? T1X_NO : T1X_OK;
	findings_free(&findings);
	return ret;
}
