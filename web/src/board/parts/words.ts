/** Several words in one field, parted by spaces or commas of either script. */
export const words = (given: string): string[] => given.split(/[\s,，、]+/).filter(Boolean);
