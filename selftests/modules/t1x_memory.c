// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory in states that user space alone cannot bring about. See t1x_memory.h.
 */
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "t1x_memory.h"

static unsigned int held;
module_param(held, uint, 0444);
MODULE_PARM_DESC(held, "Locks that are held now");

/* Of one open file: what its one mapping shows */
struct buffer {
	unsigned long npages;
	struct page *pages[T1X_MEMORY_MAX_PAGES];
};

static int memory_open(struct inode *inode, struct file *file)
{
	struct buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);

	file->private_data = buffer;
	return buffer ? 0 : -ENOMEM;
}

/* The mapping holds the file, so it is gone. What somebody pins stays. */
static int memory_release(struct inode *inode, struct file *file)
{
	struct buffer *buffer = file->private_data;
	unsigned long i;

	for (i = 0; i < buffer->npages; i++) {
		ClearPageReserved(buffer->pages[i]);
		__free_page(buffer->pages[i]);
	}
	kfree(buffer);
	return 0;
}

static int memory_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct buffer *buffer = file->private_data;
	unsigned long i, npages = vma_pages(vma);
	int ret = 0;

	if (buffer->npages || npages > T1X_MEMORY_MAX_PAGES)
		return -EINVAL;

	for (i = 0; i < npages && !ret; i++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

		if (!page)
			return -ENOMEM;

		SetPageReserved(page);
		buffer->pages[buffer->npages++] = page;
		ret = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, page);
	}
	return ret;
}

static struct mm_struct *mm_of(pid_t nr)
{
	struct pid *pid = find_get_pid(nr);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	struct mm_struct *mm = NULL;

	put_pid(pid);
	if (task) {
		mm = get_task_mm(task);
		put_task_struct(task);
	}
	return mm;
}

static long memory_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct t1x_memory_hold hold;
	struct mm_struct *mm;

	if (cmd != T1X_MEMORY_IOC_HOLD)
		return -ENOTTY;
	if (copy_from_user(&hold, (void __user *)arg, sizeof(hold)))
		return -EFAULT;

	mm = mm_of(hold.pid);
	if (!mm)
		return -ESRCH;

	mmap_write_lock(mm);
	held++;
	schedule_timeout_killable(msecs_to_jiffies(hold.ms));
	held--;
	mmap_write_unlock(mm);
	mmput(mm);
	return 0;
}

static const struct file_operations memory_fops = {
	.owner = THIS_MODULE,
	.open = memory_open,
	.release = memory_release,
	.mmap = memory_mmap,
	.unlocked_ioctl = memory_ioctl,
};

static struct miscdevice memory_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "t1x_memory",
	.fops = &memory_fops,
};

module_misc_device(memory_device);
MODULE_DESCRIPTION("Test only: memory as user space cannot make it");
MODULE_LICENSE("GPL");
