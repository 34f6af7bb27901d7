ALTER TABLE `checkouts` ADD `cart` text;--> statement-breakpoint
ALTER TABLE `checkouts` ADD `since` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `checkouts` ADD `failures` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `checkouts` ADD `trouble` text;--> statement-breakpoint
UPDATE `checkouts` SET `since` = `moved_at`;--> statement-breakpoint
CREATE UNIQUE INDEX `checkouts_cart` ON `checkouts` (`account`,`cart`);--> statement-breakpoint
CREATE INDEX `checkouts_since` ON `checkouts` (`state`,`since`,`id`);
