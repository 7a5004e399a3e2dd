// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of a container. See include/debugfs.h.
 */
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/time64.h>

#include "account.h"
#include "backing.h"
#include "census.h"
#include "container.h"
#include "debugfs.h"

/* Runs of a mapping that are counted, and mappings that are passed, under a lock. */
#define RUNS_AT_A_TIME 256
#define MAPPINGS_AT_A_TIME 1024

static struct dentry *root;

/* ---- A file that holds its container ---- */

static int open_file(struct file *file, const struct seq_operations *ops,
		     size_t size)
{
	unsigned long id = (unsigned long)file_inode(file)->i_private;
	struct t1x_container *container = NULL;
	void *reader;

	if (id) {
		container = t1x_container_get(id);
		if (!container)
			return -ENODEV;
	}

	reader = __seq_open_private(file, ops, size);
	if (!reader) {
		if (container)
			t1x_container_put(container);
		return -ENOMEM;
	}

	/* It is the first member of what all readers have. */
	*(struct t1x_container **)reader = container;
	return 0;
}

static int release_file(struct inode *inode, struct file *file)
{
	struct seq_file *seq = file->private_data;
	struct t1x_container *container =
		*(struct t1x_container **)seq->private;

	seq_release_private(inode, file);
	if (container)
		t1x_container_put(container);
	return 0;
}

/* ---- info and stats: a file that is one record ---- */

struct record_reader {
	struct t1x_container *container;
};

static void *record_start(struct seq_file *seq, loff_t *pos)
{
	return *pos ? NULL : SEQ_START_TOKEN;
}

static void *record_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return NULL;
}

static void no_stop(struct seq_file *seq, void *v)
{
}

static struct t1x_container *container_of_record(struct seq_file *seq)
{
	struct record_reader *reader = seq->private;

	return reader->container;
}

/* ---- info ---- */

struct group_line {
	struct seq_file *seq;
	int group;
};

static int show_device(struct device *dev, void *data)
{
	struct group_line *line = data;

	seq_printf(line->seq, "device %s group %d\n", dev_name(dev),
		   line->group);
	return 0;
}

static void show_devices(struct seq_file *seq, struct iommu_group *group)
{
	struct group_line line = {
		.seq = seq,
		.group = iommu_group_id(group),
	};

	iommu_group_for_each_dev(group, &line, show_device);
}

static void show_group(struct iommu_group *group, unsigned int domain,
		       void *data)
{
	struct seq_file *seq = data;

	seq_printf(seq, "group %d domain %u\n", iommu_group_id(group), domain);
	show_devices(seq, group);
}

static void show_emulated_group(struct iommu_group *group, void *data)
{
	struct seq_file *seq = data;

	seq_printf(seq, "group %d emulated\n", iommu_group_id(group));
	show_devices(seq, group);
}

static void show_domains(struct seq_file *seq, struct t1x_domains *domains)
{
	struct t1x_domain *domain;
	unsigned int i = 0;

	list_for_each_entry(domain, &domains->list, next)
		seq_printf(seq, "domain %u pgsizes 0x%lx coherent %s\n", i++,
			   domain->domain->pgsize_bitmap,
			   domain->coherent ? "yes" : "no");
	t1x_domains_for_each_group(domains, show_group, seq);
}

static void show_space(struct seq_file *seq, struct t1x_map *map)
{
	unsigned int i;

	mutex_lock(&map->lock);
	seq_printf(seq, "pgsizes 0x%lx\n", map->domains.pgsizes);
	if (map->domains.subset)
		seq_printf(seq, "subset 0x%lx\n", map->domains.subset);
	for (i = 0; i < map->space.nr; i++)
		seq_printf(seq, "iova 0x%lx-0x%lx\n", map->space.ranges[i].iova,
			   map->space.ranges[i].last);
	mutex_unlock(&map->lock);
}

static const char *type_of(const struct t1x_container *container)
{
	if (container->nesting)
		return "nesting";
	return container->v2 ? "v2" : "v1";
}

static int info_show(struct seq_file *seq, void *v)
{
	struct t1x_container *container = container_of_record(seq);
	struct t1x_map *map = &container->map;

	seq_printf(seq, "id %lu\n", container->id);
	seq_printf(seq, "type %s\n", type_of(container));
	/* A name may have any byte. */
	seq_printf(seq, "owner %d %*pE\n", container->journal.pid,
		   (int)strlen(container->journal.comm),
		   container->journal.comm);

	/* Groups come and go with the rwsem held for write. */
	if (down_read_killable(&map->domains.rwsem))
		return -EINTR;
	show_space(seq, map);
	show_domains(seq, &map->domains);
	t1x_emulated_for_each_group(&map->emulated, show_emulated_group, seq);
	up_read(&map->domains.rwsem);
	return 0;
}

static const struct seq_operations info_ops = {
	.start = record_start,
	.next = record_next,
	.stop = no_stop,
	.show = info_show,
};

static int info_open(struct inode *inode, struct file *file)
{
	return open_file(file, &info_ops, sizeof(struct record_reader));
}

/* ---- stats ---- */

struct totals {
	unsigned long mappings;
	unsigned long pages;
	unsigned long external_pages;
};

/* Sum up mappings from @dma on. Return: the last byte seen; the mutex is held. */
static unsigned long sum_some(struct t1x_map *map, struct t1x_dma *dma,
			      struct totals *totals)
{
	unsigned int n;

	for (n = 0; dma && n < MAPPINGS_AT_A_TIME; n++) {
		unsigned long last = dma->last;

		totals->mappings++;
		totals->pages += t1x_dma_npages(dma);
		dma = t1x_dma_next(&map->tree, dma);
		if (!dma || n == MAPPINGS_AT_A_TIME - 1)
			return last;
	}
	return ULONG_MAX;
}

static void sum_up(struct t1x_map *map, struct totals *totals)
{
	unsigned long last = ULONG_MAX;
	struct t1x_dma *dma;

	memset(totals, 0, sizeof(*totals));
	mutex_lock(&map->lock);
	for (dma = t1x_dma_first(&map->tree); dma;
	     dma = t1x_dma_find_after(&map->tree, last)) {
		last = sum_some(map, dma, totals);
		mutex_unlock(&map->lock);
		cond_resched();
		mutex_lock(&map->lock);
	}
	totals->external_pages = map->tree.nr_externals_held;
	mutex_unlock(&map->lock);
}

static void show_accounts(struct seq_file *seq, struct t1x_accounts *accounts)
{
	struct t1x_account *account;

	list_for_each_entry(account, &accounts->list, next) {
		unsigned long limit =
			task_rlimit(account->task, RLIMIT_MEMLOCK);

		seq_printf(seq, "account %d pages %ld limit ",
			   account->task->tgid,
			   atomic_long_read(&account->charged));
		if (limit == RLIM_INFINITY)
			seq_puts(seq, "unlimited\n");
		else
			seq_printf(seq, "%lu\n", limit >> PAGE_SHIFT);
	}
}

static void show_histogram(struct seq_file *seq, const char *name,
			   const atomic_long_t *buckets)
{
	unsigned int i;

	for (i = 0; i < T1X_JOURNAL_BUCKETS; i++) {
		long n = atomic_long_read(&buckets[i]);

		if (n)
			seq_printf(seq, "%s %llu %ld\n", name, BIT_ULL(i), n);
	}
}

static void show_journal(struct seq_file *seq,
			 const struct t1x_journal *journal)
{
	enum t1x_call_kind kind;

	for (kind = 0; kind < T1X_NR_CALLS; kind++)
		seq_printf(seq, "calls %s %ld failed %ld\n",
			   t1x_call_name(kind),
			   atomic_long_read(&journal->calls[kind]),
			   atomic_long_read(&journal->failed[kind]));
	show_histogram(seq, "map_ns", journal->map_ns);
	show_histogram(seq, "unmap_ns", journal->unmap_ns);
}

static int stats_show(struct seq_file *seq, void *v)
{
	static const char *const log_states[] = {
		[T1X_DIRTY_LOG_OFF] = "off",
		[T1X_DIRTY_LOG_STARTING] = "starting",
		[T1X_DIRTY_LOG_ON] = "on",
	};
	struct t1x_container *container = container_of_record(seq);
	struct t1x_map *map = &container->map;
	struct totals totals;

	sum_up(map, &totals);
	seq_printf(seq, "mappings %lu\n", totals.mappings);
	seq_printf(seq, "pages %lu\n", totals.pages);
	seq_printf(seq, "external_pages %lu\n", totals.external_pages);

	mutex_lock(&map->lock);
	seq_printf(seq, "mappings_left %u\n", map->dma_avail);
	seq_printf(seq, "dirty_log %s\n", log_states[map->log.state]);
	seq_printf(seq, "stuck %lu\n", map->domains.nr_stuck);
	show_accounts(seq, &map->accounts);
	mutex_unlock(&map->lock);

	show_journal(seq, &container->journal);
	return 0;
}

static const struct seq_operations stats_ops = {
	.start = record_start,
	.next = record_next,
	.stop = no_stop,
	.show = stats_show,
};

static int stats_open(struct inode *inode, struct file *file)
{
	return open_file(file, &stats_ops, sizeof(struct record_reader));
}

/* ---- maps ---- */

/* What a line says of a mapping. */
struct maps_line {
	unsigned long iova;
	unsigned long last;
	unsigned long vaddr;
	unsigned long granule;
	int prot;
	pid_t pid;
	const char *state;
	bool counted; /* it is in an IOMMU as a whole */
};

struct maps_reader {
	struct t1x_container *container;
	unsigned long iova; /* where the next line begins */
	bool end;
	struct maps_line line; /* the last one that was shown */
	struct t1x_census census;
};

static void *maps_find(struct maps_reader *reader)
{
	struct t1x_map *map = &reader->container->map;
	struct t1x_dma *dma;

	if (reader->end)
		return NULL;

	mutex_lock(&map->lock);
	dma = t1x_dma_find(&map->tree, reader->iova, ULONG_MAX);
	mutex_unlock(&map->lock);
	/* Only a hint: the mapping may go. */
	return dma ? reader : NULL;
}

static void *maps_start(struct seq_file *seq, loff_t *pos)
{
	struct maps_reader *reader = seq->private;

	if (*pos)
		return maps_find(reader);

	reader->iova = 0;
	reader->end = false;
	return SEQ_START_TOKEN;
}

static void *maps_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct maps_reader *reader = seq->private;

	++*pos;
	if (v != SEQ_START_TOKEN) {
		reader->end |= reader->line.last == ULONG_MAX;
		reader->iova = reader->line.last + 1;
	}
	return maps_find(reader);
}

static const char *state_of(const struct t1x_dma *dma)
{
	static const char *const states[] = {
		[T1X_DMA_FILLING] = "filling",
		[T1X_DMA_LIVE] = "live",
		[T1X_DMA_BUSY] = "busy",
		[T1X_DMA_DYING] = "dying",
	};

	return dma->stuck ? "stuck" : states[dma->state];
}

/* Is it in an IOMMU as a whole, and will be until the locks are dropped? */
static bool is_countable(const struct t1x_dma *dma)
{
	return dma->state == T1X_DMA_LIVE && !dma->stuck &&
	       t1x_dma_in_iommu(dma);
}

static void fill_line(struct maps_line *line, const struct t1x_dma *dma)
{
	*line = (struct maps_line){
		.iova = dma->iova,
		.last = dma->last,
		.vaddr = dma->vaddr,
		.granule = t1x_dma_granule(dma),
		.prot = dma->prot,
		.pid = dma->account->task->tgid,
		.state = state_of(dma),
		.counted = is_countable(dma),
	};
}

/* Does a line still say what is so of a mapping? One like it may be in its place. */
static bool is_same(const struct maps_line *line, const struct t1x_dma *dma)
{
	return dma && dma->iova == line->iova && dma->last == line->last &&
	       dma->vaddr == line->vaddr && dma->prot == line->prot &&
	       t1x_dma_granule(dma) == line->granule && is_countable(dma);
}

/*
 * Count the IOMMU pages of a mapping, some of its runs at a time. Nobody takes it out
 * of an IOMMU, or into another one, while both locks are held.
 * Return: 1; 0 if it has changed; -EINTR on a fatal signal.
 */
static int count_leaves(struct maps_reader *reader)
{
	struct t1x_map *map = &reader->container->map;
	const struct maps_line *line = &reader->line;
	unsigned long index = 0;
	bool done = false, same;
	struct t1x_dma *dma;

	do {
		if (down_read_killable(&map->domains.rwsem))
			return -EINTR;
		mutex_lock(&map->lock);
		dma = t1x_dma_find(&map->tree, line->iova, line->iova);
		same = is_same(line, dma);
		if (same) {
			index = t1x_backing_count(&map->domains, dma, index,
						  RUNS_AT_A_TIME,
						  &reader->census);
			done = index == dma->mapped;
		}
		mutex_unlock(&map->lock);
		up_read(&map->domains.rwsem);
		cond_resched();
	} while (same && !done);

	return same;
}

static void show_leaves(struct seq_file *seq, const struct t1x_census *census)
{
	const char *between = " ";
	unsigned int i;

	for (i = 0; i < BITS_PER_LONG; i++) {
		if (!census->by_size[i])
			continue;
		seq_printf(seq, "%s%lu:%llu", between, BIT(i),
			   (u64)census->by_size[i] << PAGE_SHIFT);
		between = ",";
	}
	seq_printf(seq, " %s", t1x_small_name(t1x_census_why(census)));
}

/* Find the next mapping, and note what its line says. Return: is there one? */
static bool find_line(struct maps_reader *reader)
{
	struct t1x_map *map = &reader->container->map;
	struct t1x_dma *dma;

	mutex_lock(&map->lock);
	dma = t1x_dma_find(&map->tree, reader->iova, ULONG_MAX);
	if (dma)
		fill_line(&reader->line, dma);
	mutex_unlock(&map->lock);
	return dma;
}

static int maps_show(struct seq_file *seq, void *v)
{
	struct maps_reader *reader = seq->private;
	struct maps_line *line = &reader->line;
	int counted = 0;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "iova vaddr prot granule state pages ");
		seq_puts(seq, "leaves why pid\n");
		return 0;
	}

	/* A mapping that changes while it is counted is looked at again. */
	do {
		if (!find_line(reader)) {
			line->last = ULONG_MAX;
			return SEQ_SKIP;
		}
		counted = line->counted ? count_leaves(reader) : 1;
		if (counted < 0)
			return counted;
	} while (!counted);

	seq_printf(seq, "0x%lx-0x%lx 0x%lx %s%s %lu %s %lu", line->iova,
		   line->last, line->vaddr, line->prot & IOMMU_READ ? "r" : "",
		   line->prot & IOMMU_WRITE ? "w" : "", line->granule,
		   line->state, ((line->last - line->iova) >> PAGE_SHIFT) + 1);
	if (line->counted)
		show_leaves(seq, &reader->census);
	else
		seq_puts(seq, " - -");
	seq_printf(seq, " %d\n", line->pid);
	cond_resched();
	return 0;
}

static const struct seq_operations maps_ops = {
	.start = maps_start,
	.next = maps_next,
	.stop = no_stop,
	.show = maps_show,
};

static int maps_open(struct inode *inode, struct file *file)
{
	return open_file(file, &maps_ops, sizeof(struct maps_reader));
}

/* ---- errors ---- */

struct errors_reader {
	struct t1x_container *container; /* NULL: of all containers */
	u64 nr; /* the next one */
	struct t1x_journal_error error;
};

static void *errors_find(struct errors_reader *reader)
{
	struct t1x_journal *journal =
		reader->container ? &reader->container->journal : NULL;

	return t1x_journal_get_error(journal, &reader->nr, &reader->error) ?
		       reader :
		       NULL;
}

static void *errors_start(struct seq_file *seq, loff_t *pos)
{
	struct errors_reader *reader = seq->private;

	if (!*pos)
		reader->nr = 0;
	return errors_find(reader);
}

static void *errors_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct errors_reader *reader = seq->private;

	++*pos;
	reader->nr++;
	return errors_find(reader);
}

static int errors_show(struct seq_file *seq, void *v)
{
	struct errors_reader *reader = seq->private;
	const struct t1x_journal_error *error = &reader->error;
	char text[T1X_FAILURE_TEXT];
	u32 us;
	u64 s;

	s = div_u64_rem(div_u64(error->when, NSEC_PER_USEC), USEC_PER_SEC, &us);
	t1x_failure_print(&error->failure, text, sizeof(text));
	if (!reader->container)
		seq_printf(seq, "%lu ", error->id);
	seq_printf(seq, "%llu.%06u %s %d ", s, us, t1x_call_name(error->kind),
		   error->failure.ret);
	if (error->has_range)
		seq_printf(seq, "0x%lx-0x%lx", error->iova, error->last);
	else
		seq_puts(seq, "-");
	seq_printf(seq, " %s by %d %*pE\n", text, error->pid,
		   (int)strlen(error->comm), error->comm);
	return 0;
}

static const struct seq_operations errors_ops = {
	.start = errors_start,
	.next = errors_next,
	.stop = no_stop,
	.show = errors_show,
};

static int errors_open(struct inode *inode, struct file *file)
{
	return open_file(file, &errors_ops, sizeof(struct errors_reader));
}

/* ---- The folders ---- */

#define DEFINE_FOPS(name)                                   \
	static const struct file_operations name##_fops = { \
		.owner = THIS_MODULE,                       \
		.open = name##_open,                        \
		.read = seq_read,                           \
		.llseek = seq_lseek,                        \
		.release = release_file,                    \
	}

DEFINE_FOPS(info);
DEFINE_FOPS(maps);
DEFINE_FOPS(stats);
DEFINE_FOPS(errors);

/**
 * t1x_debugfs_create() - Make the folder of the module
 *
 * Without debugfs, or if it fails, there are no files; nothing else misses them.
 *
 * Context: Module init. May sleep.
 */
void t1x_debugfs_create(void)
{
	root = debugfs_create_dir("vfio_type1x", NULL);
	debugfs_create_file_unsafe("errors", 0400, root, NULL, &errors_fops);
}

/**
 * t1x_debugfs_destroy() - Remove the folder of the module
 *
 * Context: Module exit. May sleep.
 */
void t1x_debugfs_destroy(void)
{
	debugfs_remove(root);
}

/**
 * t1x_debugfs_add() - Make the files of a container
 * @container: Container
 *
 * Context: May sleep. Cannot fail: see t1x_debugfs_create().
 */
void t1x_debugfs_add(struct t1x_container *container)
{
	void *id = (void *)container->id;
	struct dentry *dir;
	char name[24];

	snprintf(name, sizeof(name), "%lu", container->id);
	dir = debugfs_create_dir(name, root);
	container->debugfs = dir;
	/* They see to themselves: a reader may be parked while a container goes. */
	debugfs_create_file_unsafe("info", 0400, dir, id, &info_fops);
	debugfs_create_file_unsafe("maps", 0400, dir, id, &maps_fops);
	debugfs_create_file_unsafe("stats", 0400, dir, id, &stats_fops);
	debugfs_create_file_unsafe("errors", 0400, dir, id, &errors_fops);
}

/**
 * t1x_debugfs_remove() - Remove the files of a container
 * @container: Container; those who have a file of it open hold it
 *
 * Context: May sleep.
 */
void t1x_debugfs_remove(struct t1x_container *container)
{
	debugfs_remove(container->debugfs);
}
