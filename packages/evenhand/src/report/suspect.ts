/** A label is suspect where it is more probably wrong than right. */
export const isSuspect = ({ wrong }: { readonly wrong: number }): boolean => wrong > 0.5;
