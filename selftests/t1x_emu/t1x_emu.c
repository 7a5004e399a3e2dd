// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated vfio devices without hardware: they pin, unpin, read and write the
 * memory behind an IOVA when their user asks for it by ioctl, and behave in the
 * dma_unmap callback as he likes. See t1x_emu.h. For tests only.
 *
 * Backends call dma_unmap with locks of their own held, and pin_pages takes
 * some of them: a lock of ours that both take would close the circle.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "t1x_emu.h"

#define MAX_DELAY_MS 60000

static unsigned int devices = 2;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "How many devices to make");

static unsigned int plain;
module_param(plain, uint, 0444);
MODULE_PARM_DESC(plain, "Bit n: device n has no dma_unmap callback");

struct emu {
	struct vfio_device vdev;
	struct mutex lock; /* not held over a call of vfio core */
	/* Protected by lock */
	struct xarray holds; /* by iova: how often that page is pinned */
	u64 held;
	struct t1x_emu_config config;
	struct t1x_emu_stats stats;
	struct t1x_emu_range *log; /* entry n of callback n, modulo its length */
	struct list_head later; /* of struct emu_later */

	struct delayed_work later_work;
	atomic64_t cycles; /* in the functions that are called on request */
	atomic_t pinning; /* pins that are not in holds yet */
	wait_queue_head_t pinned;
};

/* A range whose holds go when later_work runs */
struct emu_later {
	struct list_head link;
	unsigned long first, last;
};

/* A request, as it travels to the thread that carries it out */
struct emu_call {
	struct work_struct work;
	struct emu *emu;
	void (*fn)(struct emu_call *call);
	unsigned long iova;
	int npages;
	int prot;
	struct page **pages;
	void *data;
	size_t len;
	bool write;
	int result;
};

static struct workqueue_struct *emu_wq;
static struct device *emu_devs[T1X_EMU_MAX_DEVICES];
static atomic64_t emu_seq;

static struct emu *to_emu(struct vfio_device *vdev)
{
	return container_of(vdev, struct emu, vdev);
}

static void call_work(struct work_struct *work)
{
	struct emu_call *call = container_of(work, struct emu_call, work);

	call->fn(call);
}

static void run_call(struct emu_call *call, u32 flags)
{
	if (!(flags & T1X_EMU_FLAG_KTHREAD)) {
		call->fn(call);
		return;
	}

	INIT_WORK_ONSTACK(&call->work, call_work);
	queue_work(emu_wq, &call->work);
	flush_work(&call->work);
	destroy_work_on_stack(&call->work);
}

static int add_hold(struct emu *emu, unsigned long iova)
{
	unsigned long count = 0;
	void *entry;
	int ret;

	mutex_lock(&emu->lock);
	entry = xa_load(&emu->holds, iova);
	if (entry)
		count = xa_to_value(entry);
	ret = xa_err(xa_store(&emu->holds, iova, xa_mk_value(count + 1),
			      GFP_KERNEL));
	if (!ret)
		emu->held++;
	mutex_unlock(&emu->lock);
	return ret;
}

/* One hold less, or none where there was none */
static bool drop_hold(struct emu *emu, unsigned long iova)
{
	void *entry;
	unsigned long count;

	lockdep_assert_held(&emu->lock);

	entry = xa_load(&emu->holds, iova);
	if (!entry)
		return false;

	/* Smaller by one, or gone: neither needs memory */
	count = xa_to_value(entry) - 1;
	if (count)
		xa_store(&emu->holds, iova, xa_mk_value(count), GFP_KERNEL);
	else
		xa_erase(&emu->holds, iova);
	emu->held--;
	return true;
}

/* Takes the next iova with holds from holds; returns how many it had */
static unsigned long take_holds(struct emu *emu, unsigned long *iova,
				unsigned long last)
{
	unsigned long count = 0;
	void *entry;

	mutex_lock(&emu->lock);
	entry = xa_find(&emu->holds, iova, last, XA_PRESENT);
	if (entry) {
		count = xa_to_value(entry);
		xa_erase(&emu->holds, *iova);
		emu->held -= count;
	}
	mutex_unlock(&emu->lock);
	return count;
}

/* Returns the number of pages that were pinned or -errno; holds are counted */
static int pin_pages(struct emu *emu, unsigned long iova, int npages, int prot,
		     struct page **pages)
{
	int i, pinned, ret = 0;
	cycles_t began;

	atomic_inc(&emu->pinning);
	began = get_cycles();
	pinned = vfio_pin_pages(&emu->vdev, iova, npages, prot, pages);
	atomic64_add(get_cycles() - began, &emu->cycles);
	for (i = 0; i < pinned && !ret; i++)
		ret = add_hold(emu, iova + i * PAGE_SIZE);
	if (atomic_dec_and_test(&emu->pinning))
		wake_up_all(&emu->pinned);
	if (!ret)
		return pinned;

	mutex_lock(&emu->lock);
	for (i -= 2; i >= 0; i--)
		drop_hold(emu, iova + i * PAGE_SIZE);
	mutex_unlock(&emu->lock);
	vfio_unpin_pages(&emu->vdev, iova, pinned);
	return ret;
}

/* Pages pinned more than once are unpinned as often, before the next */
static void unpin_range(struct emu *emu, unsigned long first,
			unsigned long last, bool repin)
{
	unsigned long iova = first, count, i;
	struct page *page;
	int ret;

	while ((count = take_holds(emu, &iova, last))) {
		for (i = 0; i < count; i++)
			vfio_unpin_pages(&emu->vdev, iova, 1);
		for (i = 0; i < count && repin; i++) {
			ret = pin_pages(emu, iova, 1, T1X_EMU_PROT_READ, &page);
			mutex_lock(&emu->lock);
			emu->stats.repin_result = ret;
			emu->stats.repins += ret == 1;
			mutex_unlock(&emu->lock);
		}
		if (iova++ == last)
			break;
	}
}

static void later_work(struct work_struct *work)
{
	struct emu *emu =
		container_of(to_delayed_work(work), struct emu, later_work);
	struct emu_later *later, *next;
	LIST_HEAD(todo);

	mutex_lock(&emu->lock);
	list_splice_init(&emu->later, &todo);
	mutex_unlock(&emu->lock);

	list_for_each_entry_safe(later, next, &todo, link) {
		unpin_range(emu, later->first, later->last, false);
		kfree(later);
	}
}

static void unpin_later(struct emu *emu, unsigned long first,
			unsigned long last, unsigned int ms)
{
	struct emu_later *later = kmalloc(sizeof(*later), GFP_KERNEL);

	if (!later) {
		unpin_range(emu, first, last, false);
		return;
	}
	later->first = first;
	later->last = last;
	mutex_lock(&emu->lock);
	list_add_tail(&later->link, &emu->later);
	mutex_unlock(&emu->lock);
	queue_delayed_work(emu_wq, &emu->later_work, msecs_to_jiffies(ms));
}

/* Notes the call and says how to behave in it */
static struct t1x_emu_config begin_callback(struct emu *emu, u64 iova, u64 len)
{
	struct t1x_emu_range *range;
	struct t1x_emu_config config;

	mutex_lock(&emu->lock);
	range = &emu->log[emu->stats.callbacks++ % T1X_EMU_LOG];
	range->seq = atomic64_inc_return(&emu_seq);
	range->iova = iova;
	range->len = len;
	config = emu->config;
	if (emu->config.count && !--emu->config.count)
		emu->config.mode = T1X_EMU_UNPIN_ALL;
	mutex_unlock(&emu->lock);
	return config;
}

static void emu_dma_unmap(struct vfio_device *vdev, u64 iova, u64 len)
{
	struct emu *emu = to_emu(vdev);
	struct t1x_emu_config config = begin_callback(emu, iova, len);
	unsigned long first = iova, last = iova + len - 1;
	int ret;
	u8 byte;

	if (config.flags & T1X_EMU_CONFIG_READ) {
		ret = vfio_dma_rw(vdev, iova, &byte, 1, false);
		mutex_lock(&emu->lock);
		emu->stats.read_result = ret;
		mutex_unlock(&emu->lock);
	}
	if (config.flags & T1X_EMU_CONFIG_WHOLE) {
		first = 0;
		last = ULONG_MAX;
	}
	if (config.mode != T1X_EMU_LATER && config.delay_ms)
		msleep(config.delay_ms);
	/*
	 * A pin under way may have been granted already and not be in holds
	 * yet. Not for ever: it may also wait for our caller.
	 */
	wait_event_timeout(emu->pinned, !atomic_read(&emu->pinning), HZ);

	/* No byte is no page, as real drivers understand it */
	switch (len ? config.mode : T1X_EMU_REFUSE) {
	case T1X_EMU_REFUSE:
		break;
	case T1X_EMU_LATER:
		unpin_later(emu, first, last, config.delay_ms);
		break;
	default:
		unpin_range(emu, first, last, config.mode == T1X_EMU_REPIN);
	}
	mutex_lock(&emu->lock);
	emu->stats.ended++;
	mutex_unlock(&emu->lock);
}

static void pin_call(struct emu_call *call)
{
	call->result = pin_pages(call->emu, call->iova, call->npages,
				 call->prot, call->pages);
}

static long ioctl_pin(struct emu *emu, struct t1x_emu_pin __user *arg)
{
	struct emu_call call = { .emu = emu, .fn = pin_call };
	u64 __user *pfns;
	struct t1x_emu_pin pin;
	unsigned int i, room;
	long ret = 0;
	u64 pfn;

	if (copy_from_user(&pin, arg, sizeof(pin)))
		return -EFAULT;
	if ((pin.flags & ~T1X_EMU_FLAG_KTHREAD) ||
	    pin.npages > T1X_EMU_MAX_PAGES)
		return -EINVAL;

	room = max(pin.npages, 1);
	call.pages = kvcalloc(room, sizeof(*call.pages), GFP_KERNEL);
	if (!call.pages)
		return -ENOMEM;
	call.iova = pin.iova;
	call.npages = pin.npages;
	call.prot = pin.prot;
	run_call(&call, pin.flags);

	pin.result = call.result;
	pin.stale = 0;
	pfns = u64_to_user_ptr(pin.pfns);
	for (i = 0; i < room && pin.result < 0; i++)
		pin.stale += !!call.pages[i];
	for (i = 0; pfns && (int)i < pin.result; i++) {
		pfn = page_to_pfn(call.pages[i]);
		if (copy_to_user(pfns + i, &pfn, sizeof(pfn)))
			ret = -EFAULT;
	}
	kvfree(call.pages);
	return copy_to_user(arg, &pin, sizeof(pin)) ? -EFAULT : ret;
}

static void unpin_call(struct emu_call *call)
{
	struct emu *emu = call->emu;
	cycles_t began = get_cycles();

	vfio_unpin_pages(&emu->vdev, call->iova, call->npages);
	atomic64_add(get_cycles() - began, &emu->cycles);
}

/* All or none, unless what is wanted is a driver's error */
static bool drop_holds(struct emu *emu, unsigned long iova, int npages,
		       bool raw)
{
	bool have = true;
	int i;

	mutex_lock(&emu->lock);
	for (i = 0; i < npages && have && !raw; i++)
		have = xa_load(&emu->holds, iova + i * PAGE_SIZE);
	for (i = 0; i < npages && have; i++)
		drop_hold(emu, iova + i * PAGE_SIZE);
	mutex_unlock(&emu->lock);
	return have;
}

static long ioctl_unpin(struct emu *emu, struct t1x_emu_unpin __user *arg)
{
	struct emu_call call = { .emu = emu, .fn = unpin_call };
	struct t1x_emu_unpin unpin;

	if (copy_from_user(&unpin, arg, sizeof(unpin)))
		return -EFAULT;
	if ((unpin.flags & ~(T1X_EMU_FLAG_KTHREAD | T1X_EMU_UNPIN_RAW)) ||
	    unpin.npages > T1X_EMU_MAX_PAGES)
		return -EINVAL;
	if (!drop_holds(emu, unpin.iova, unpin.npages,
			unpin.flags & T1X_EMU_UNPIN_RAW))
		return -ENOENT;

	call.iova = unpin.iova;
	call.npages = unpin.npages;
	run_call(&call, unpin.flags);
	return 0;
}

static void rw_call(struct emu_call *call)
{
	call->result = vfio_dma_rw(&call->emu->vdev, call->iova, call->data,
				   call->len, call->write);
}

static long ioctl_rw(struct emu *emu, struct t1x_emu_rw __user *arg)
{
	struct emu_call call = { .emu = emu, .fn = rw_call };
	void __user *data;
	struct t1x_emu_rw rw;
	long ret = -EFAULT;

	if (copy_from_user(&rw, arg, sizeof(rw)))
		return -EFAULT;
	if ((rw.flags & ~(T1X_EMU_FLAG_KTHREAD | T1X_EMU_RW_WRITE)) ||
	    rw.len > T1X_EMU_MAX_RW)
		return -EINVAL;

	/* Of length 0 too: it is vfio core that must refuse that */
	call.data = kvzalloc(rw.len + 1, GFP_KERNEL);
	if (!call.data)
		return -ENOMEM;
	data = u64_to_user_ptr(rw.data);
	if (copy_from_user(call.data, data, rw.len))
		goto out;
	call.iova = rw.iova;
	call.len = rw.len;
	call.write = rw.flags & T1X_EMU_RW_WRITE;
	run_call(&call, rw.flags);

	rw.result = call.result;
	if (!call.write && copy_to_user(data, call.data, rw.len))
		goto out;
	if (!copy_to_user(arg, &rw, sizeof(rw)))
		ret = 0;
out:
	kvfree(call.data);
	return ret;
}

static long ioctl_config(struct emu *emu, struct t1x_emu_config __user *arg)
{
	const u32 known = T1X_EMU_CONFIG_READ | T1X_EMU_CONFIG_KEEP_AT_CLOSE |
			  T1X_EMU_CONFIG_WHOLE;
	struct t1x_emu_config config;

	if (copy_from_user(&config, arg, sizeof(config)))
		return -EFAULT;
	if ((config.flags & ~known) || config.mode > T1X_EMU_LATER ||
	    config.delay_ms > MAX_DELAY_MS)
		return -EINVAL;

	mutex_lock(&emu->lock);
	emu->config = config;
	mutex_unlock(&emu->lock);
	return 0;
}

/* The newest n callbacks, oldest first */
static bool copy_log(struct emu *emu, u64 callbacks, unsigned int n,
		     struct t1x_emu_range __user *to)
{
	u64 from = callbacks - n;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (copy_to_user(to + i, &emu->log[(from + i) % T1X_EMU_LOG],
				 sizeof(*to)))
			return false;
	return true;
}

static long ioctl_stats(struct emu *emu, struct t1x_emu_stats __user *arg)
{
	struct t1x_emu_stats stats, in;
	bool ok;

	if (copy_from_user(&in, arg, sizeof(in)))
		return -EFAULT;
	if (in.flags & ~T1X_EMU_STATS_RESET)
		return -EINVAL;

	mutex_lock(&emu->lock);
	stats = emu->stats;
	stats.flags = in.flags;
	stats.ranges = in.ranges;
	stats.held = emu->held;
	stats.cycles = atomic64_read(&emu->cycles);
	stats.nranges = 0;
	if (in.ranges)
		stats.nranges = min3((u64)in.nranges, stats.callbacks,
				     (u64)T1X_EMU_LOG);
	ok = copy_log(emu, stats.callbacks, stats.nranges,
		      u64_to_user_ptr(in.ranges));
	if (ok && (in.flags & T1X_EMU_STATS_RESET))
		memset(&emu->stats, 0, sizeof(emu->stats));
	mutex_unlock(&emu->lock);
	if (!ok)
		return -EFAULT;
	return copy_to_user(arg, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long emu_ioctl(struct vfio_device *vdev, unsigned int cmd,
		      unsigned long arg)
{
	struct emu *emu = to_emu(vdev);
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case T1X_EMU_IOC_PIN:
		return ioctl_pin(emu, uarg);
	case T1X_EMU_IOC_UNPIN:
		return ioctl_unpin(emu, uarg);
	case T1X_EMU_IOC_RW:
		return ioctl_rw(emu, uarg);
	case T1X_EMU_IOC_CONFIG:
		return ioctl_config(emu, uarg);
	case T1X_EMU_IOC_STATS:
		return ioctl_stats(emu, uarg);
	default:
		return -ENOTTY;
	}
}

static int emu_open(struct vfio_device *vdev)
{
	struct emu *emu = to_emu(vdev);

	mutex_lock(&emu->lock);
	memset(&emu->config, 0, sizeof(emu->config));
	memset(&emu->stats, 0, sizeof(emu->stats));
	mutex_unlock(&emu->lock);
	return 0;
}

static void emu_close(struct vfio_device *vdev)
{
	struct emu *emu = to_emu(vdev);

	flush_delayed_work(&emu->later_work);
	mutex_lock(&emu->lock);
	if (emu->config.flags & T1X_EMU_CONFIG_KEEP_AT_CLOSE) {
		xa_destroy(&emu->holds);
		emu->held = 0;
	}
	mutex_unlock(&emu->lock);
	unpin_range(emu, 0, ULONG_MAX, false);
}

static int emu_init(struct vfio_device *vdev)
{
	struct emu *emu = to_emu(vdev);

	mutex_init(&emu->lock);
	xa_init(&emu->holds);
	INIT_LIST_HEAD(&emu->later);
	INIT_DELAYED_WORK(&emu->later_work, later_work);
	init_waitqueue_head(&emu->pinned);
	emu->log = kvcalloc(T1X_EMU_LOG, sizeof(*emu->log), GFP_KERNEL);
	return emu->log ? 0 : -ENOMEM;
}

static void emu_release(struct vfio_device *vdev)
{
	struct emu *emu = to_emu(vdev);

	flush_delayed_work(&emu->later_work);
	xa_destroy(&emu->holds);
	kvfree(emu->log);
	t1x_emu_free(vdev);
}

#define EMU_OPS                                                            \
	.init = emu_init, .release = emu_release, .open_device = emu_open, \
	.close_device = emu_close, .ioctl = emu_ioctl, T1X_EMU_IOMMUFD_OPS

static const struct vfio_device_ops emu_ops = { .name = "t1x_emu",
						.dma_unmap = emu_dma_unmap,
						EMU_OPS };

static const struct vfio_device_ops emu_plain_ops = { .name = "t1x_emu_plain",
						      EMU_OPS };

static int emu_probe(struct device *dev)
{
	const struct vfio_device_ops *ops = &emu_ops;
	struct emu *emu;
	int ret;

	if (plain & BIT(dev->id))
		ops = &emu_plain_ops;
	emu = vfio_alloc_device(emu, vdev, dev, ops);
	if (IS_ERR(emu))
		return PTR_ERR(emu);

	dev_set_drvdata(dev, emu);
	ret = vfio_register_emulated_iommu_dev(&emu->vdev);
	if (ret)
		vfio_put_device(&emu->vdev);
	return ret;
}

static int emu_remove(struct device *dev)
{
	struct emu *emu = dev_get_drvdata(dev);

	vfio_unregister_group_dev(&emu->vdev);
	vfio_put_device(&emu->vdev);
	return 0;
}

/* Const where a device may point to one that is: from 6.4 on */
static typeof(*((struct device *)NULL)->bus) emu_bus = {
	.name = "t1x_emu",
};

/* vfio core wants its devices to have a driver, whose module it then holds */
static struct device_driver emu_driver = {
	.name = "t1x_emu",
	.bus = &emu_bus,
	.owner = THIS_MODULE,
	.probe = emu_probe,
	.remove = emu_remove,
};

static void free_dev(struct device *dev)
{
	kfree(dev);
}

static int make_dev(unsigned int id)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int ret;

	if (!dev)
		return -ENOMEM;

	device_initialize(dev);
	dev->bus = &emu_bus;
	dev->id = id;
	dev->release = free_dev;
	ret = dev_set_name(dev, "t1x_emu.%u", id);
	if (!ret)
		ret = device_add(dev);
	if (ret) {
		put_device(dev);
		return ret;
	}
	emu_devs[id] = dev;
	return 0;
}

static void remove_devs(void)
{
	unsigned int i;

	for (i = 0; i < T1X_EMU_MAX_DEVICES; i++)
		if (emu_devs[i])
			device_unregister(emu_devs[i]);
}

static int __init t1x_emu_init(void)
{
	unsigned int i;
	int ret;

	if (!devices || devices > T1X_EMU_MAX_DEVICES)
		return -EINVAL;

	emu_wq = alloc_workqueue("t1x_emu", WQ_UNBOUND, 0);
	if (!emu_wq)
		return -ENOMEM;
	ret = bus_register(&emu_bus);
	if (ret)
		goto err_wq;
	ret = driver_register(&emu_driver);
	if (ret)
		goto err_bus;
	for (i = 0; i < devices; i++) {
		ret = make_dev(i);
		if (ret)
			goto err_devs;
	}
	return 0;

err_devs:
	remove_devs();
	driver_unregister(&emu_driver);
err_bus:
	bus_unregister(&emu_bus);
err_wq:
	destroy_workqueue(emu_wq);
	return ret;
}

static void __exit t1x_emu_exit(void)
{
	remove_devs();
	driver_unregister(&emu_driver);
	bus_unregister(&emu_bus);
	destroy_workqueue(emu_wq);
}

module_init(t1x_emu_init);
module_exit(t1x_emu_exit);
MODULE_DESCRIPTION("Test only: emulated vfio devices");
MODULE_LICENSE("GPL");
