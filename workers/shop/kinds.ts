/** What an item can be. */
export const kinds = ['print', 'postcard', 'poster', 'canvas', 'book', 'other'] as const
