// SPDX-License-Identifier: GPL-2.0-only
/*
 * May programs lock enough memory, and are there huge pages?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "file.h"
#include "memory.h"
#include "process.h"

#define HUGEPAGES "/sys/kernel/mm/hugepages"
#define THP "/sys/kernel/mm/transparent_hugepage/enabled"

/* Below this, no virtual machine starts */
#define LITTLE 0x40000000ULL

static void check_own_limit(struct t1x_findings *findings)
{
	struct t1x_memlock own;

	if (!t1x_process_memlock("self", &own))
		return;
	if (own.exempt)
		t1x_found(
			findings, T1X_READY, "memlock", NULL,
			"what is started from here has CAP_IPC_LOCK, and no limit");
	else if (own.soft >= LITTLE)
		t1x_found(findings, T1X_READY, "memlock", NULL,
			  "what is started from here may lock %s",
			  own.soft == T1X_UNLIMITED ? "all it wants" :
						      t1x_size(own.soft));
	else
		t1x_found(
			findings, T1X_WARNING, "memlock",
			"raise it where they are started: ulimit -l KIB, LimitMEMLOCK= of a systemd unit, <memtune><hard_limit> of a libvirt domain, memlock in /etc/security/limits.conf. All that devices reach counts.",
			"what is started from here may lock %s",
			t1x_size(own.soft));
}

/* Is a process at more than nine tenths of what it may? */
static bool is_near(const struct t1x_memlock *m)
{
	return !m->exempt && m->soft != T1X_UNLIMITED &&
	       m->locked > m->soft / 10 * 9;
}

static void check_holder(struct t1x_findings *findings,
			 const struct t1x_holder *holder)
{
	char *pid = t1x_format("%llu", holder->pid);
	struct t1x_memlock memlock;
	char *todo;

	if (t1x_process_memlock(pid, &memlock) && is_near(&memlock)) {
		todo = t1x_format(
			"prlimit --pid %s --memlock=%llu raises it at once.",
			pid, 2 * memlock.soft);
		t1x_found(findings, T1X_WARNING, "memlock", todo,
			  "process %s (%s) has locked %s and may lock %s", pid,
			  holder->comm, t1x_size(memlock.locked),
			  t1x_size(memlock.soft));
		free(todo);
	}
	free(pid);
}

static void check_holders(struct t1x_findings *findings)
{
	struct t1x_holder *holders;
	size_t i, n, hidden;

	t1x_holders_find(&holders, &n, &hidden);
	for (i = 0; i < n; i++)
		if (!i || holders[i].pid != holders[i - 1].pid)
			check_holder(findings, &holders[i]);
	t1x_holders_free(holders, n);
}

/* "512 of 1024 free of 2M, ...", to be freed; "" where there are none */
static char *hugetlb_words(void)
{
	char **sizes = t1x_dir_list(HUGEPAGES);
	char *words = t1x_copy("");
	char **size;

	for (size = sizes; size && *size; size++) {
		u64 kib, total, free_pages;
		char *word;

		if (sscanf(*size, "hugepages-%llukB", &kib) != 1 ||
		    !t1x_file_number(&total, HUGEPAGES "/%s/nr_hugepages",
				     *size) ||
		    !t1x_file_number(&free_pages,
				     HUGEPAGES "/%s/free_hugepages", *size) ||
		    !total)
			continue;
		word = t1x_format("%llu of %llu free of %s", free_pages, total,
				  t1x_size(kib << 10));
		words = t1x_join(words, ", ", word);
		free(word);
	}
	t1x_dir_free(sizes);
	return words;
}

/* The mode that stands in brackets, to be freed */
static char *transparent_mode(void)
{
	char *line = t1x_file_line(THP);
	char *begin = line ? strchr(line, '[') : NULL;
	char *mode;

	if (begin)
		begin[strcspn(begin, "]")] = '\0';
	mode = t1x_copy(begin ? begin + 1 : "never");
	free(line);
	return mode;
}

static void check_hugepages(struct t1x_findings *findings)
{
	char *hugetlb = hugetlb_words();
	char *mode = transparent_mode();

	if (*hugetlb || !strcmp(mode, "always"))
		t1x_found(findings, T1X_READY, "huge pages", NULL,
			  "%s%stransparent ones: %s", hugetlb,
			  *hugetlb ? "; " : "", mode);
	else
		t1x_found(
			findings, T1X_WARNING, "huge pages",
			"echo 1024 >/proc/sys/vm/nr_hugepages, or hugepagesz=1G hugepages=16 at boot; programs then have to use them. They make MAP and DMA faster.",
			"none are reserved; transparent ones: %s", mode);
	free(mode);
	free(hugetlb);
}

void t1x_check_memory(struct t1x_findings *findings)
{
	check_own_limit(findings);
	check_holders(findings);
	check_hugepages(findings);
}
